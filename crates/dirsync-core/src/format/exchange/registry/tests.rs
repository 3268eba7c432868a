//! Registry texts: the grammar, the agent's values, and properties.

use proptest::prelude::*;

use super::*;

fn file(body: &str) -> RegistryFile {
    let text = format!("REGEDIT4\r\n\r\n[{DX_KEY}]\r\n{body}");
    RegistryFile::parse(text.as_bytes()).unwrap()
}

fn text_of(file: &RegistryFile) -> String {
    String::from_utf8(file.format().unwrap()).unwrap()
}

// rule: std:15
#[test]
fn the_published_examples_are_read_and_written() {
    let body = "\"ResyncConnectionRDNs\"=hex(7):52,45,51,31,00,00\r\n\
        \"GlobalMaxSeqInResync\"=dword:00000001\r\n\"PauseKicksDX\"=dword:00000001\r\n";
    let read = file(body);
    assert_eq!(read.bad_lines(), []);
    let names = Data::List(vec!["REQ1".into()]);
    assert_eq!(
        read.get(DX_KEY, "resyncconnectionrdns"),
        Some(("ResyncConnectionRDNs", &names))
    );
    let mut made = RegistryFile::new();
    for (name, data) in [
        ("ResyncConnectionRDNs", names),
        ("GlobalMaxSeqInResync", Data::Number(1)),
        ("PauseKicksDX", Data::Number(1)),
    ] {
        made.set(DX_KEY, name, data).unwrap();
    }
    assert_eq!(text_of(&made), text_of(&read));
}

// rule: std:15
#[test]
fn another_first_line_refuses_the_whole_file() {
    for text in [
        "",
        "REGEDIT5\r\n",
        " REGEDIT4\r\n",
        "Windows Registry Editor Version 5.00\r\n",
    ] {
        assert_eq!(
            RegistryFile::parse(text.as_bytes()),
            Err(RegistryError::Header)
        );
    }
}

// rule: std:15
#[test]
fn a_bad_line_is_skipped_told_and_kept() {
    let body = "; a remark\r\n\"A\"=dword:1\r\n\"B\"=dword:00000002\r\nnonsense [x] \"C\"=\"d\"\r\n\
        \"P\"=\"c:\\temp\"\r\n\"Q\"=hex(5):01\r\n\"E\"=\"c:\\\\temp \\\"x\\\"\"\r\n\"F\"=hex(4):01\r\n";
    let mut read = file(body);
    let lines: Vec<usize> = read.bad_lines().iter().map(|bad| bad.line).collect();
    assert_eq!(lines, [5, 7, 8, 11]);
    let all = read.values();
    let names: Vec<&str> = all.iter().map(|(_, name, _)| *name).collect();
    assert_eq!(names, ["B", "Q", "E"]);
    assert_eq!(all[2].2, &Data::Text(r#"c:\temp "x""#.into()));
    // A change leaves every other line as it stands.
    read.set(DX_KEY, "b", Data::Number(3)).unwrap();
    let expected = body.replace("\"B\"=dword:00000002", "\"b\"=dword:00000003");
    assert!(text_of(&read).ends_with(&expected));
}

// rule: std:15
#[test]
fn deletions_are_read() {
    let text = format!(
        "REGEDIT4\n\n[{DX_KEY}]\n\"A\"=\"1\"\n\"B\"=\"2\"\n\"a\"=-\n[{DX_KEY}\\X]\n@=\"3\"\n\
         [-{DX_KEY}\\X]\n"
    );
    let mut read = RegistryFile::parse(text.as_bytes()).unwrap();
    let values: Vec<&str> = read.values().iter().map(|(_, name, _)| *name).collect();
    assert_eq!(values, ["B"]);
    // What is set in a key that is deleted later in the text stands behind the deletion.
    let below = format!("{DX_KEY}\\X");
    read.set(&below, "@", Data::Number(4)).unwrap();
    let again = RegistryFile::parse(&read.format().unwrap()).unwrap();
    assert_eq!(again.get(&below, "@"), Some(("@", &Data::Number(4))));
}

// rule: std:15
#[test]
fn long_bytes_go_on_in_the_next_line_and_texts_are_ansi() {
    let mut made = RegistryFile::new();
    let names: Vec<String> = (0..12).map(|n| format!("Zürich {n} – €")).collect();
    made.set(DX_KEY, "ResyncConnectionRDNs", Data::List(names.clone()))
        .unwrap();
    let text = Data::Text("Grüße".into());
    made.set(DX_KEY, "SMTPDomain", text.clone()).unwrap();
    let bytes = made.format().unwrap();
    assert!(bytes.windows(6).any(|part| part == b",\\\r\n  "));
    assert!(bytes.contains(&0xFC));
    let read = RegistryFile::parse(&bytes).unwrap();
    assert_eq!(read.bad_lines(), []);
    let list = Data::List(names);
    assert_eq!(read.get(DX_KEY, "ResyncConnectionRDNs").unwrap().1, &list);
    assert_eq!(read.get(DX_KEY, "SMTPDomain").unwrap().1, &text);
    let error = made.set(DX_KEY, "SMTPDomain", Data::Text("日".into()));
    assert_eq!(error, Err(RegistryError::Character('日')));
}

// rule: exc:R-REG-01
// rule: exc:R-REG-03
// rule: exc:R-REG-05
// rule: exc:R-REG-13
#[test]
fn the_settings_of_a_key_without_values_are_the_defaults() {
    let (settings, faults) = DxSettings::read(&RegistryFile::new());
    assert_eq!(faults, []);
    let defaults = DxSettings {
        pause_kicks_dx: false,
        resync_connections: None,
        global_max_seq_in_resync: false,
        unique_display_names: true,
        require_valid_imp_from: false,
        requestors_used_to_import_from: Vec::new(),
        smtp_domain: None,
        address_mapping_file: None,
        smtp_primary_proxy: None,
        unique_smtp_for_addr_map: false,
        mhs_brace_names: false,
        dxadata_path: None,
        start: 2,
    };
    assert_eq!(settings, defaults);
    let (settings, _) = DxSettings::read(&file(
        "\"pausekicksdx\"=dword:00000001\r\n\"GlobalMaxSeqInResync\"=dword:00000001\r\n\
         \"RequireValidImpFrom\"=dword:00000001\r\n\"Start\"=dword:00000003\r\n",
    ));
    let changed = DxSettings {
        pause_kicks_dx: true,
        global_max_seq_in_resync: true,
        require_valid_imp_from: true,
        start: 3,
        ..defaults
    };
    assert_eq!(settings, changed);
}

// rule: exc:R-REG-04
#[test]
fn case_counts_in_unique_display_names() {
    let (settings, faults) = DxSettings::read(&file("\"Unique Display Names\"=dword:00000000\r\n"));
    assert!(!settings.unique_display_names && faults.is_empty());
    let (settings, faults) = DxSettings::read(&file("\"unique display names\"=dword:00000000\r\n"));
    assert!(settings.unique_display_names);
    assert!(
        matches!(&faults[..], [SettingFault::Case { .. }]),
        "{faults:?}"
    );
    assert!(known("unique display names").is_none());
}

// rule: exc:R-REG-06
#[test]
fn further_requestors_are_a_list_or_one_text() {
    for (body, names) in [
        ("hex(7):41,00,42,20,43,00,00", &["A", "B C"][..]),
        ("\"A B\"", &["A B"]),
    ] {
        let (settings, faults) = DxSettings::read(&file(&format!(
            "\"Requestors Used To Import From\"={body}\r\n"
        )));
        assert_eq!(settings.requestors_used_to_import_from, names);
        assert_eq!(faults, []);
    }
}

// rule: exc:R-REG-02
#[test]
fn the_trigger_of_a_resync_file_is_consumed_and_a_wrong_type_is_told() {
    let lifetime = known("RESYNCCONNECTIONRDNS").map(|value| value.lifetime);
    assert_eq!(lifetime, Some(Lifetime::Consumed));
    let consumed = KNOWN
        .iter()
        .filter(|value| value.lifetime == Lifetime::Consumed);
    assert_eq!(consumed.count(), 1);
    let mut read = file("\"ResyncConnectionRDNs\"=hex(7):52,45,51,31,00,52,00,00\r\n");
    let (settings, _) = DxSettings::read(&read);
    assert_eq!(
        settings.resync_connections,
        Some(vec!["REQ1".into(), "R".into()])
    );
    assert!(read.unset(DX_KEY, "ResyncConnectionRDNs"));
    assert!(!read.unset(DX_KEY, "ResyncConnectionRDNs"));
    assert_eq!(text_of(&read), format!("REGEDIT4\r\n\r\n[{DX_KEY}]\r\n"));
    let (settings, faults) = DxSettings::read(&file("\"ResyncConnectionRDNs\"=dword:00000001\r\n"));
    assert_eq!(settings.resync_connections, None);
    assert!(faults[0].to_string().contains("REG_MULTI_SZ"));
}

fn any_data() -> impl Strategy<Value = Data> {
    let text = "[ -~äß€]{0,40}";
    prop_oneof![
        text.prop_map(Data::Text),
        text.prop_map(Data::Expand),
        any::<u32>().prop_map(Data::Number),
        prop::collection::vec("[ -~äß€]{1,20}", 0..6).prop_map(Data::List),
        prop::collection::vec(any::<u8>(), 0..90).prop_map(Data::Binary),
        (
            prop::sample::select(vec![0u8, 5, 6, 8, 11, 200]),
            prop::collection::vec(any::<u8>(), 0..20)
        )
            .prop_map(|(kind, bytes)| Data::Other(kind, bytes)),
    ]
}

proptest! {
    // rule: std:15
    #[test]
    fn what_is_set_reads_back(
        values in prop::collection::btree_map("[a-z\"\\\\=; ä]{1,12}", any_data(), 0..8),
    ) {
        let mut made = RegistryFile::new();
        for (name, data) in &values {
            made.set(DX_KEY, name, data.clone()).unwrap();
        }
        let bytes = made.format().unwrap();
        let read = RegistryFile::parse(&bytes).unwrap();
        prop_assert_eq!(read.bad_lines(), vec![]);
        for (name, data) in &values {
            prop_assert_eq!(read.get(DX_KEY, name), Some((name.as_str(), data)));
        }
        prop_assert_eq!(read.format().unwrap(), bytes);
    }

    // rule: std:15
    #[test]
    fn arbitrary_bytes_stay_as_they_are(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let bytes = [b"REGEDIT4\r\n".to_vec(), bytes].concat();
        let read = RegistryFile::parse(&bytes).unwrap();
        prop_assert_eq!(read.format().unwrap(), bytes);
    }

    #[test]
    fn near_misses_never_panic(
        lines in prop::collection::vec(
            "(\\[-?K\\]?|\"a\"|@)?=?(hex(\\([0-9a-f]{1,3}\\))?:([0-9a-f]{2},?){0,5}\\\\?|dword:[0-9]{0,9}|\"[a\"\\\\]{0,5}\"?|-)?",
            0..12,
        ),
    ) {
        let bytes = format!("REGEDIT4\n{}", lines.join("\n"));
        let read = RegistryFile::parse(bytes.as_bytes()).unwrap();
        prop_assert_eq!(read.format().unwrap(), bytes.into_bytes());
        let _ = DxSettings::read(&read);
    }
}
