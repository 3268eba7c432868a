//! The text of the first record of RESYNC.GLB (Q119449, DEC-040).

use std::fmt;

use crate::base::{DecodeError, DecodeErrorKind};

/// The three numbers a requestor starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResyncHeader {
    /// Import number.
    pub impseq: u32,
    /// Request number.
    pub reqseq: u32,
    /// Server number.
    pub srvseq: u32,
}

impl fmt::Display for ResyncHeader {
    /// `IMPSEQ=nnnnnnnnnn REQSEQ=nnnnnnnnnn SRVSEQ=nnnnnnnnnn`, as it is written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            impseq,
            reqseq,
            srvseq,
        } = self;
        write!(
            f,
            "IMPSEQ={impseq:010} REQSEQ={reqseq:010} SRVSEQ={srvseq:010}"
        )
    }
}

impl ResyncHeader {
    /// Reads the text: the three numbers in any order and case, separated by blanks, commas or
    /// line ends.
    ///
    /// # Errors
    /// A number missing, given twice, or not one; a word that is none of the three.
    pub fn parse(text: &[u8]) -> Result<Self, DecodeError> {
        let bad = |why| DecodeError::new("RESYNC header", 0, DecodeErrorKind::BadText(why));
        let text = std::str::from_utf8(text).map_err(|_| bad("not plain text"))?;
        // `=` separates like a blank, so blanks around it do not matter.
        let mut numbers = [None; 3];
        let mut words = text
            .split(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | ','))
            .filter(|word| !word.is_empty());
        if text.matches('=').count() != numbers.len() {
            return Err(bad("three numbers are expected"));
        }
        while let Some(name) = words.next() {
            let place = ["IMPSEQ", "REQSEQ", "SRVSEQ"]
                .iter()
                .position(|known| name.eq_ignore_ascii_case(known))
                .ok_or_else(|| bad("a word other than IMPSEQ, REQSEQ, SRVSEQ"))?;
            let digits = words.next().ok_or_else(|| bad("a number is missing"))?;
            let value = digits
                .bytes()
                .all(|digit| digit.is_ascii_digit())
                .then(|| digits.parse::<u32>().ok())
                .flatten()
                .ok_or_else(|| bad("not a number"))?;
            if numbers[place].replace(value).is_some() {
                return Err(bad("a number is given twice"));
            }
        }
        match numbers {
            [Some(impseq), Some(reqseq), Some(srvseq)] => Ok(Self {
                impseq,
                reqseq,
                srvseq,
            }),
            _ => Err(bad("a number is missing")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // rule: dec:TV-DEC-1
    #[test]
    fn the_numbers_are_written_with_ten_digits() {
        let header = ResyncHeader {
            impseq: 3,
            reqseq: 18,
            srvseq: 80,
        };
        assert_eq!(
            header.to_string(),
            "IMPSEQ=0000000003 REQSEQ=0000000018 SRVSEQ=0000000080"
        );
    }

    // rule: dec:2.2
    #[test]
    fn the_numbers_are_read_in_any_order() {
        let header = ResyncHeader {
            impseq: 3,
            reqseq: 18,
            srvseq: 80,
        };
        for text in [
            "SRVSEQ=80 REQSEQ=18 IMPSEQ=3",
            "impseq = 3, srvseq=0080\r\nreqseq= 18",
        ] {
            assert_eq!(
                ResyncHeader::parse(text.as_bytes()).unwrap(),
                header,
                "{text}"
            );
        }
        for text in [
            "",
            "IMPSEQ=3 REQSEQ=18",
            "IMPSEQ=3 REQSEQ=18 SRVSEQ=",
            "IMPSEQ=3 REQSEQ=18 REQSEQ=18",
            "IMPSEQ=3 REQSEQ=18 SRVSEQ=4294967296",
            "IMPSEQ=3 REQSEQ=18 SRVSEQ=-1",
            "IMPSEQ=3 REQSEQ=18 SRVSEQ=1 MORE",
            "IMPSEQ REQSEQ=18 SRVSEQ=1=",
        ] {
            assert!(ResyncHeader::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    proptest! {
        // rule: dec:2.2
        #[test]
        fn what_is_written_is_read(impseq: u32, reqseq: u32, srvseq: u32) {
            let header = ResyncHeader { impseq, reqseq, srvseq };
            prop_assert_eq!(ResyncHeader::parse(header.to_string().as_bytes()).unwrap(), header);
        }

        // rule: dec:2.2
        #[test]
        fn arbitrary_bytes_never_panic(text in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = ResyncHeader::parse(&text);
        }
    }
}
