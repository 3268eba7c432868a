//! Free-form physical addresses: FAX, MCI and X.400, and the form they have in `<TYPE>.GLB`.
//!
//! DOCUMENTED: the four fields of a FAX address and their limits, `~` between them, CR in the
//! gateway's file (Q96001, Q96003, Q94410); the attributes of X.400 and their lengths (Q108732,
//! Q118563). INFERRED: which blanks of an MCI address stand for line ends (imp R-ADR-008).

use super::fault::Fault;

/// Checks a FAX address: recipient `~` location `~` company `~` phone.
///
/// # Errors
/// 26 when there are not four fields, 74-77 for a field that is too long, 15 for a character in
/// the phone number that is no digit, blank, comma or hyphen.
pub fn check_fax(text: &[u8]) -> Result<(), Fault> {
    let fields: Vec<&[u8]> = text.split(|&byte| byte == b'~').take(5).collect();
    let &[recipient, location, company, phone] = fields.as_slice() else {
        return Err(Fault::BadPhysical);
    };
    for (field, limit, fault) in [
        (recipient, 30, Fault::FaxRecipient),
        (location, 30, Fault::FaxLocation),
        (company, 30, Fault::FaxCompany),
        (phone, 22, Fault::FaxPhone),
    ] {
        if field.len() > limit {
            return Err(fault);
        }
    }
    if phone
        .iter()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b',' | b'-'))
    {
        Ok(())
    } else {
        Err(Fault::PhoneCharacter)
    }
}

/// The FAX address as FAX.GLB holds it: every field ended by CR (imp R-ADR-007).
#[must_use]
pub fn fax_to_record(text: &[u8]) -> Vec<u8> {
    let mut record: Vec<u8> = text
        .iter()
        .map(|&byte| if byte == b'~' { b'\r' } else { byte })
        .collect();
    record.push(b'\r');
    record
}

/// The FAX address in transactions, from the form of FAX.GLB.
#[must_use]
pub fn fax_from_record(record: &[u8]) -> Vec<u8> {
    record
        .strip_suffix(b"\r")
        .unwrap_or(record)
        .iter()
        .map(|&byte| if byte == b'\r' { b'~' } else { byte })
        .collect()
}

/// The tokens of an MCI address that stand on lines of their own in MCI.GLB.
const MCI_TOKENS: [&[u8]; 2] = [b"EMS:", b"MBX:"];

fn starts_mci_token(text: &[u8]) -> bool {
    MCI_TOKENS.iter().any(|token| {
        text.get(..token.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(token))
    })
}

/// The MCI address as MCI.GLB holds it: CR LF in place of the blank before `EMS:` and `MBX:`
/// (imp R-ADR-008).
#[must_use]
pub fn mci_to_record(text: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(text.len().saturating_add(8));
    for (index, &byte) in text.iter().enumerate() {
        if byte == b' ' && starts_mci_token(&text[index.saturating_add(1)..]) {
            record.extend_from_slice(b"\r\n");
        } else {
            record.push(byte);
        }
    }
    record
}

/// The MCI address in transactions, from the form of MCI.GLB: every run of CR and LF, with the
/// blank that may follow it (Q94410), becomes one blank; a run at the end vanishes.
#[must_use]
pub fn mci_from_record(record: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(record.len());
    let mut rest = record;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if !matches!(byte, b'\r' | b'\n') {
            text.push(byte);
            continue;
        }
        while let Some((b'\r' | b'\n', after)) = rest.split_first() {
            rest = after;
        }
        rest = rest.strip_prefix(b" ").unwrap_or(rest);
        if !rest.is_empty() {
            text.push(b' ');
        }
    }
    text
}

/// One attribute of an X.400 address: name as written, value with its escapes undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct X400Attribute {
    /// The name, for example `c`, `admd`, `OU1`, `dda.type`.
    pub name: Vec<u8>,
    /// The value, blanks around it cut off and inner runs made one blank.
    pub value: Vec<u8>,
}

/// The attributes of an X.400 address in either form: `/c=US/a=X/s=Y` or `c=US;a=X;s=Y`.
///
/// In the slash form `$/` is a literal slash, and a part without `=` belongs to the value before
/// it (Q159189: `G=URS / F` must be readable).
///
/// # Errors
/// 26 when there is no attribute at all, the first part has no `=`, or a name is empty.
pub fn x400_attributes(text: &[u8]) -> Result<Vec<X400Attribute>, Fault> {
    let (separator, body) = match text.split_first() {
        Some((b'/', rest)) => (b'/', rest),
        Some(_) => (b';', text),
        None => return Err(Fault::NoPhysical),
    };
    let mut parts: Vec<Vec<u8>> = vec![Vec::new()];
    let mut escaped = false;
    for &byte in body {
        let Some(last) = parts.last_mut() else {
            return Err(Fault::BadPhysical);
        };
        if byte == separator && separator == b'/' && escaped {
            last.pop();
            last.push(b'/');
        } else if byte == separator {
            parts.push(Vec::new());
        } else {
            last.push(byte);
        }
        escaped = byte == b'$';
    }
    let mut attributes: Vec<X400Attribute> = Vec::new();
    for part in parts {
        let equals = part.iter().position(|&byte| byte == b'=');
        match (equals, attributes.last_mut()) {
            (Some(0), _) => return Err(Fault::BadPhysical),
            (Some(equals), _) => attributes.push(X400Attribute {
                name: squeeze(&part[..equals]),
                value: part[equals.saturating_add(1)..].to_vec(),
            }),
            (None, Some(before)) => {
                if !squeeze(&part).is_empty() {
                    before.value.push(separator);
                    before.value.extend_from_slice(&part);
                }
            }
            (None, None) => {
                if !squeeze(&part).is_empty() {
                    return Err(Fault::BadPhysical);
                }
            }
        }
    }
    for attribute in &mut attributes {
        attribute.value = squeeze(&attribute.value);
        if attribute.name.is_empty() {
            return Err(Fault::BadPhysical);
        }
    }
    if attributes.is_empty() {
        return Err(Fault::BadPhysical);
    }
    Ok(attributes)
}

/// Blanks at both ends dropped, inner runs made one blank (Q108732).
fn squeeze(text: &[u8]) -> Vec<u8> {
    text.split(|&byte| byte == b' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(&b' ')
}

/// The longest value of an X.400 attribute in bytes; `None` for a name the articles do not list.
#[must_use]
pub fn x400_max_value_bytes(name: &[u8]) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    Some(match name.as_slice() {
        b"c" => 3,
        b"a" | b"admd" | b"p" | b"prmd" => 16,
        b"o" => 64,
        b"ou" | b"ou1" | b"ou2" | b"ou3" | b"ou4" => 32,
        b"s" => 40,
        b"g" => 16,
        b"i" => 5,
        b"q" => 3,
        b"pn" => 64,
        b"dda.type" => 8,
        b"dda.value" => 128,
        b"x121" | b"x.121" => 15,
        b"ua-id" => 32,
        b"t-id" => 24,
        _ => return None,
    })
}

/// What is wrong with an X.400 address but does not stop it (imp 3.2: warnings only).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum X400Warning {
    /// An attribute the articles do not list; name as written.
    UnknownAttribute(Vec<u8>),
    /// A value longer than its limit: name and limit in bytes.
    TooLong(Vec<u8>, usize),
    /// A character outside the set of Q108732 in the value of the attribute.
    Character(Vec<u8>, u8),
}

/// Checks an X.400 address: what must be refused is an error, the rest are warnings.
///
/// Refused (ASSIGNED): a form without attributes and a country that is not 2 letters or 3 digits,
/// which catches a wrong separator (Q156729: `C=US'A=ATTMAIL;…`).
///
/// # Errors
/// 26 as said.
pub fn check_x400(text: &[u8]) -> Result<Vec<X400Warning>, Fault> {
    let mut warnings = Vec::new();
    for attribute in x400_attributes(text)? {
        let X400Attribute { name, value } = attribute;
        if name.eq_ignore_ascii_case(b"c") {
            let letters = value.len() == 2 && value.iter().all(u8::is_ascii_alphabetic);
            let digits = value.len() == 3 && value.iter().all(u8::is_ascii_digit);
            if !letters && !digits {
                return Err(Fault::BadPhysical);
            }
        }
        if let Some(&byte) = value
            .iter()
            .find(|byte| !byte.is_ascii_alphanumeric() && !b" '()+,-./:=?".contains(byte))
        {
            warnings.push(X400Warning::Character(name.clone(), byte));
        }
        match x400_max_value_bytes(&name) {
            None => warnings.push(X400Warning::UnknownAttribute(name)),
            Some(limit) if value.len() > limit => warnings.push(X400Warning::TooLong(name, limit)),
            Some(_) => {}
        }
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        x400_attributes(text.as_bytes())
            .unwrap()
            .into_iter()
            .map(|a| {
                (
                    String::from_utf8(a.name).unwrap(),
                    String::from_utf8(a.value).unwrap(),
                )
            })
            .collect()
    }

    // rule: imp:R-ADR-007
    #[test]
    fn fax_fields_end_with_cr_in_the_gateway_file() {
        // Q94410: Fax:Recipient^0DLocation^0DCompany^0DPhone^0D
        let text = b"Recipient~Location~Company~Phone";
        let record = fax_to_record(text);
        assert_eq!(record, b"Recipient\rLocation\rCompany\rPhone\r");
        assert_eq!(fax_from_record(&record), text);
        assert_eq!(
            check_fax(b"Rec~Loc~Comp~(555) 1234"),
            Err(Fault::PhoneCharacter)
        );
        assert_eq!(check_fax(b"Rec~Loc~Comp~9, 555-1234"), Ok(()));
        assert_eq!(check_fax(b"Rec~Loc~555"), Err(Fault::BadPhysical));
        assert_eq!(check_fax(b"a~b~c~1~2"), Err(Fault::BadPhysical));
        let long = [b'x'; 31];
        assert_eq!(
            check_fax(&[&long[..], b"~b~c~1"].concat()),
            Err(Fault::FaxRecipient)
        );
        assert_eq!(
            check_fax(&[b"a~", &long[..], b"~c~1"].concat()),
            Err(Fault::FaxLocation)
        );
        assert_eq!(
            check_fax(&[b"a~b~", &long[..], b"~1"].concat()),
            Err(Fault::FaxCompany)
        );
        assert_eq!(
            check_fax(b"a~b~c~55555555555555555555555"),
            Err(Fault::FaxPhone)
        );
    }

    // rule: imp:R-ADR-008
    #[test]
    fn mci_tokens_stand_on_lines_of_their_own() {
        let text = b"John Doe EMS:MCI Mail MBX:123-4567";
        let record = mci_to_record(text);
        assert_eq!(record, b"John Doe\r\nEMS:MCI Mail\r\nMBX:123-4567");
        assert_eq!(mci_from_record(&record), text);
        // As the gateway's messages spell it (Q94410).
        assert_eq!(
            mci_from_record(b"John Doe\r EMS:MCI Mail\r MBX:JDoe\r"),
            b"John Doe EMS:MCI Mail MBX:JDoe"
        );
    }

    // rule: imp:R-ADR-001
    #[test]
    fn x400_forms_of_the_articles() {
        let own = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter()
                .map(|(n, v)| ((*n).into(), (*v).into()))
                .collect()
        };
        assert_eq!(
            pairs("/c=US/a=TELENET/p=ABC/o=P$/Q/g=JOHN/s=STEEL"),
            own(&[
                ("c", "US"),
                ("a", "TELENET"),
                ("p", "ABC"),
                ("o", "P/Q"),
                ("g", "JOHN"),
                ("s", "STEEL")
            ])
        );
        assert_eq!(
            pairs("c=US;a=TELENET;p=ABC;o=P/Q;g=JOHN;s=STEEL"),
            pairs("/c=US/a=TELENET/p=ABC/o=P$/Q/g=JOHN/s=STEEL")
        );
        // Q159189
        let urs = pairs("/C=CH/A=400NET/P=ABB/O=ABB/OU=CHNET/G=URS / F/S=MUELLER");
        assert_eq!(urs[5..], own(&[("G", "URS / F"), ("S", "MUELLER")]));
        // Q156726
        assert_eq!(
            check_x400(b"c=gb;a=admd;p=prmd;x121=1234567890;"),
            Ok(vec![])
        );
        // Q156729
        assert_eq!(
            check_x400(b"/c=US/admd=ATTMAIL/prmd=TEST/pn=Guy.Good"),
            Ok(vec![])
        );
        assert_eq!(
            check_x400(b"C=US'A=ATTMAIL;O=ATTMAIL;S=Bad"),
            Err(Fault::BadPhysical)
        );
        assert_eq!(x400_attributes(b""), Err(Fault::NoPhysical));
        assert_eq!(x400_attributes(b";;"), Err(Fault::BadPhysical));
        assert_eq!(x400_attributes(b"John"), Err(Fault::BadPhysical));
        assert_eq!(
            check_x400(b"c=US;i=ABCDEF;zz=1;s=M\x81ller"),
            Ok(vec![
                X400Warning::TooLong(b"i".to_vec(), 5),
                X400Warning::UnknownAttribute(b"zz".to_vec()),
                X400Warning::Character(b"s".to_vec(), 0x81),
            ])
        );
    }

    proptest! {
        // rule: imp:R-ADR-007
        #[test]
        fn fax_round_trips(fields in proptest::collection::vec("[A-Za-z0-9 ]{0,12}", 4)) {
            let text = fields.join("~");
            prop_assert_eq!(fax_from_record(&fax_to_record(text.as_bytes())), text.into_bytes());
        }

        // rule: imp:R-ADR-008
        #[test]
        fn mci_round_trips(parts in proptest::collection::vec("[A-Za-z:]{1,6}", 1..6)) {
            let text = parts.join(" ");
            prop_assert_eq!(mci_from_record(&mci_to_record(text.as_bytes())), text.into_bytes());
        }

        // rule: imp:R-ADR-001
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, almost in "/?([a-z]{0,3}=?[a-z $/;]{0,4}[/;]){0,8}") {
            for text in [&bytes[..], almost.as_bytes()] {
                let _ = check_fax(text);
                let _ = fax_from_record(text);
                let _ = mci_from_record(&mci_to_record(text));
                let _ = check_x400(text);
            }
        }
    }
}
