//! The texts of the ground floor: transactions, addresses, dates, log lines, layout markers.

use crate::base::address::{Scope, TypeCase};
use crate::base::logline::{read_numeric_line, read_text_line};
use crate::base::time::read_log_stamp;
use crate::base::transaction::Form;
use crate::base::zone::parse_zone;
use crate::base::{Address, CodePage, HexId, PoName, Transaction, UnixTime};
use crate::format::layout_txt::Layout;

/// Texts: what can be read and written again reads the same.
pub fn base_text(data: &[u8]) {
    if let Ok(id) = HexId::from_ascii(data) {
        assert!(id.to_string().as_bytes().eq_ignore_ascii_case(data));
    }
    if let Ok(transaction) = Transaction::parse(data) {
        let _ = (
            transaction.check(),
            transaction.lines(Form::Tab, TypeCase::Lower),
        );
        if let Ok(text) = transaction.to_record_text() {
            let _ = Transaction::parse(&text);
        }
    }
    if let Ok(address) = Address::parse(data) {
        let again = Address::parse(&address.to_bytes());
        assert!(again.is_ok(), "{address:?} is written unreadably");
        let _ = (address.check(), address.physical_record());
    }
    let _ = (Scope::parse(data), PoName::parse(data), Layout::parse(data));
    if let Ok(time) = UnixTime::from_fips(data) {
        assert_eq!(UnixTime::from_fips(time.fips().as_bytes()), Ok(time));
    }
    let text = CodePage::Cp850.decode(data);
    assert_eq!(CodePage::Cp850.encode(&text).as_deref(), Ok(data));
    let _ = (
        read_text_line(&text),
        read_numeric_line(&text),
        read_log_stamp(&text),
    );
    let _ = parse_zone(&text);
}
