//! Tests of addresses against the samples of the articles.

use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

fn read(text: &str) -> Result<Address, Fault> {
    text.parse()
}

// rule: imp:R-ADR-001
#[test]
fn addresses_of_every_type_are_read() {
    for (text, kind, canonical) in [
        (
            "PCM:POLYNOMIAL/MONTGOMERY/able",
            AddressType::Pcm,
            "PCM:POLYNOMIAL/MONTGOMERY/able",
        ),
        (
            "SNADS: SNADSGATE/SNADSDGN/JANEDOE",
            AddressType::Snads,
            "SNADS:SNADSGATE/SNADSDGN/JANEDOE",
        ),
        (
            "snads:snadsgate/snadsdgn/user3",
            AddressType::Snads,
            "SNADS:snadsgate/snadsdgn/user3",
        ),
        (
            "PROFS:VMGATE/NODE1/USER1",
            AddressType::Profs,
            "PROFS:VMGATE/NODE1/USER1",
        ),
        ("OV:G/N/U", AddressType::Ov, "OV:G/N/U"),
        (
            "SMTP:user0@dummy.host.edu",
            AddressType::Smtp,
            "SMTP:user0@dummy.host.edu",
        ),
        (
            "SMTP:attmail!username",
            AddressType::Smtp,
            "SMTP:attmail!username",
        ),
        (
            "3COM:UserName:Domain:Organization",
            AddressType::ThreeCom,
            "3COM:UserName:Domain:Organization",
        ),
        (
            "MHS:User@Host {Network/Postoffice}",
            AddressType::Mhs,
            "MHS:User@Host {Network/Postoffice}",
        ),
        (
            "MSMAIL:User02, MacGroovy@GroovyMac",
            AddressType::Msmail,
            "MSMAIL:User02, MacGroovy@GroovyMac",
        ),
        (
            "MSA:UserID@Server",
            AddressType::Msmail,
            "MSMAIL:UserID@Server",
        ),
        (
            "x400:c=gb;a=admd;p=prmd;x121=1234567890;",
            AddressType::X400,
            "X400:c=gb;a=admd;p=prmd;x121=1234567890;",
        ),
        (
            "Fax:Recipient~Location~Company~555",
            AddressType::Fax,
            "FAX:Recipient~Location~Company~555",
        ),
        (
            "MCI:John Doe EMS:MCI Mail MBX:JDoe",
            AddressType::Mci,
            "MCI:John Doe EMS:MCI Mail MBX:JDoe",
        ),
    ] {
        let address = read(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert_eq!(address.kind(), kind, "{text}");
        assert_eq!(address.to_string(), canonical);
        assert_eq!(address.check(), Ok(()), "{text}");
        assert_eq!(read(canonical), Ok(address.clone()));
        assert_eq!(address.po().is_some(), kind.is_three_part());
    }
}

// rule: dec:DEC-022
// rule: dec:DEC-023
// rule: dsp:R-TXN-006
// rule: dsp:R-TXN-007
#[test]
fn spellings_of_pcm_are_one_address_and_are_kept() {
    let plain = read("PCM:NET/PO/Some").unwrap();
    for (text, spelling) in [
        ("CSI:NET/PO/Some", Spelling::Csi),
        ("MS:NET/PO/Some", Spelling::Ms),
        ("NET/PO/Some", Spelling::Omitted),
    ] {
        let address = read(text).unwrap();
        assert_eq!(address, plain);
        assert_eq!(address.spelling(), spelling);
        assert_eq!(address.to_bytes(), b"PCM:NET/PO/Some");
        assert_eq!(address.to_bytes_as_spelled(), text.as_bytes());
    }
    assert_eq!(plain.to_bytes_with(TypeCase::Lower), b"pcm:NET/PO/Some");
    assert_eq!(read("pcm:net/po/SOME"), Ok(plain.clone()));
    assert_ne!(read("SNADS:NET/PO/Some"), Ok(plain.clone()));
    assert_eq!(
        HashSet::from([plain, read("ms:NET/po/some").unwrap()]).len(),
        1
    );
}

// rule: imp:R-ADR-004
// rule: imp:R-ADR-005
#[test]
fn faults_have_the_published_numbers() {
    let number = |text: &str| match read(text) {
        Err(fault) => fault.number(),
        Ok(address) => address.check().unwrap_err().number(),
    };
    for (text, expected) in [
        ("XYZ:NET/PO/SOME", 16),
        ("PCM:NET", 17),
        ("Some", 17),
        ("PCM:NET/PO", 19),
        ("PCM:NETWORK/POSTOFFICE/ELEVENCHARS", 20),
        ("PCM:", 48),
        ("SMTP: ", 48),
        ("PCM:NET_1/PO/SOME", 69),
        ("PCM:NET/P_O/SOME", 70),
        ("PCM:NET/PO/SO.ME", 71),
        ("PCM:NET/PO/A/B", 71),
        ("PCM:NET/PO/", 81),
        ("SNADS:SMTP/DGN/DEN", 64),
        ("FAX:Rec~Loc~Comp~(555) 1234", 15),
        ("FAX:RRRRRRRRRRRRRRRRRRRRRRRRRRRRRRR~Loc~Comp~555 1234", 74),
        ("FAX:Rec~Loc~Comp~55555555555555555555555", 77),
        ("X400:C=US'A=ATTMAIL;O=ATTMAIL;S=Bad", 26),
    ] {
        assert_eq!(number(text), expected, "{text}");
    }
    let long = format!("SMTP:{}", "a".repeat(256));
    assert_eq!(number(&long), 25);
    assert!(read(&long[..260]).is_ok());
    assert_eq!(read(""), Err(Fault::NoAddress));
    assert_eq!(
        Fault::ElementTooLong.to_string(),
        "[ 20] Address element is too long"
    );
}

// rule: imp:R-TXN-R
#[test]
fn scopes_name_a_list() {
    for (text, canonical) in [
        ("SMTP:", "SMTP:"),
        ("PCM:POLYNOMIAL/MONTGOMERY", "PCM:POLYNOMIAL/MONTGOMERY"),
        ("profs: PSSGATE/MSVM6", "PROFS:PSSGATE/MSVM6"),
        ("NET/PO", "PCM:NET/PO"),
    ] {
        let scope: Scope = text.parse().unwrap();
        assert_eq!(scope.to_string(), canonical);
        assert_eq!(scope.check(), Ok(()));
    }
    assert_eq!(
        "PCM:".parse::<Scope>().unwrap().check(),
        Err(Fault::NodeIncomplete)
    );
    assert_eq!("SMTP:x/y".parse::<Scope>(), Err(Fault::BadPhysical));
    // The placeholder of Q104281 is 11 characters long.
    assert_eq!(
        "PROFS: Gatewayname/Nodeid".parse::<Scope>(),
        Err(Fault::ElementTooLong)
    );
    let address = read("CSI:net/po/x").unwrap();
    assert_eq!(address.scope(), "PCM:NET/PO".parse().unwrap());
}

/// Addresses of every type, made of what the formats can hold.
pub(crate) fn any_address() -> impl Strategy<Value = Address> {
    let element = proptest::collection::vec(0x30u8..=0xFF, 1..=10);
    let three = (
        prop::sample::select(vec!["PCM", "SNADS", "PROFS", "OV"]),
        element.clone(),
        element.clone(),
        element,
    )
        .prop_map(|(kind, net, po, mailbox)| {
            let (kind, _) = AddressType::parse(kind.as_bytes()).unwrap();
            let po = PoName::read(&net, &po).unwrap();
            Address::three_part(kind, po, MailboxName::read(&mailbox).unwrap()).unwrap()
        });
    let free = (
        prop::sample::select(AddressType::ALL[5..].to_vec()),
        "[!-~][ -~]{0,60}[!-~]",
    )
        .prop_map(|(kind, text)| Address::free(kind, text.as_bytes()).unwrap());
    prop_oneof![three, free]
}

proptest! {
    // rule: imp:R-ADR-001
    #[test]
    fn addresses_round_trip(address in any_address()) {
        let bytes = address.to_bytes();
        let read = Address::parse(&bytes).unwrap();
        prop_assert_eq!(read.to_bytes(), bytes);
        prop_assert_eq!(read.to_string().parse::<Address>().unwrap().to_bytes(), read.to_bytes());
        prop_assert_eq!(Scope::parse(&read.scope().to_bytes()), Ok(read.scope()));
    }

    // rule: dec:DEC-017
    #[test]
    fn equality_ignores_case_and_hashes_alike(address in any_address()) {
        let upper: Vec<u8> = address.to_bytes().iter().map(|&b| upper_850(b)).collect();
        let other = Address::parse(&upper).unwrap();
        prop_assert_eq!(&other, &address);
        prop_assert_eq!(HashSet::from([other, address]).len(), 1);
    }

    // rule: imp:R-ADR-001
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, kind in prop::sample::select(AddressType::ALL.to_vec())) {
        for text in [bytes.clone(), [kind.name().as_bytes(), b":", &bytes].concat()] {
            if let Ok(address) = Address::parse(&text) {
                let _ = address.check();
                prop_assert_eq!(Address::parse(&address.to_bytes()).unwrap(), address);
            }
            let _ = Scope::parse(&text);
        }
        let _ = Address::from_physical_record(kind, &bytes);
    }
}
