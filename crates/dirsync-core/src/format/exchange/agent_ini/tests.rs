//! AGENT.INI: objects and their defaults, levels, and properties.

use proptest::prelude::*;

use super::*;

fn identity() -> Identity {
    Identity {
        organization: "Org".into(),
        site: "Site".into(),
        server: "EXSERV1".into(),
        profile: Profile::V40,
        connector: "ORG/SITE".into(),
        address: "$SYSTEM".into(),
    }
}

// rule: dec:DEC-068
#[test]
fn lines_keep_their_order_and_unknown_ones_stay() {
    let text = "; remark\r\n[Agent]\r\nOrganization=Org\r\nFuture=x\r\n\r\n[Later]\r\na=1\r\n";
    let mut ini = AgentIni::parse(text.as_bytes()).unwrap();
    assert_eq!(ini.format(), text);
    ini.set("agent", "ORGANIZATION", "New").unwrap();
    ini.set("Agent", "Site", "S").unwrap();
    let expected = text.replace("Organization=Org", "ORGANIZATION=New");
    let expected = expected.replace("Future=x\r\n", "Future=x\r\nSite=S\r\n");
    assert_eq!(ini.format(), expected);
    assert!(ini.remove_section("LATER") && !ini.remove_section("Later"));
    assert_eq!(ini.sections().collect::<Vec<_>>(), ["Agent"]);
    for bad in ["[Agent\n", "text\n"] {
        assert!(AgentIni::parse(bad.as_bytes()).is_err());
    }
}

// rule: exc:R-OBJ-020
#[test]
fn who_the_server_is_reads_back_and_what_is_missing_is_named() {
    let mut ini = AgentIni::default();
    assert_eq!(ini.identity(), Err("Organization"));
    ini.set_identity(&identity()).unwrap();
    assert_eq!(ini.identity(), Ok(identity()));
    ini.set("Agent", "Profile", "6.0").unwrap();
    assert_eq!(ini.identity(), Err("Profile"));
}

// rule: exc:R-OBJ-011
// rule: exc:R-OBJ-014
#[test]
fn a_new_object_sends_nothing_and_nonsense_counts_as_the_default() {
    let mut ini = AgentIni::default();
    ini.set("Remote Requestor REQ1", "Import-Container", "REQ1")
        .unwrap();
    let (settings, wrong) = ini.party(PartyKind::RemoteRequestor, "req1").unwrap();
    assert_eq!(settings.export_containers, Vec::<String>::new());
    assert!(settings.export_custom_recipients && settings.sends && settings.receives);
    assert_eq!((settings.import_trust, settings.export_trust), (20, 20));
    assert_eq!(settings.import_container, "REQ1");
    assert!(wrong.is_empty());
    for (key, value) in [
        ("Export-Custom-Recipients", "FALSE"),
        ("Import-Sensitivity", "101"),
        ("DXA-Import-Now", "perhaps"),
        ("DXA-Exchange-Options", "2"),
    ] {
        ini.set("Remote Requestor REQ1", key, value).unwrap();
    }
    let (settings, wrong) = ini.party(PartyKind::RemoteRequestor, "REQ1").unwrap();
    assert!(!settings.export_custom_recipients && !settings.sends && settings.receives);
    assert_eq!(settings.import_trust, 20);
    assert_eq!(wrong, ["DXA-Import-Now", "Import-Sensitivity"]);
    assert_eq!(ini.parties(PartyKind::RemoteRequestor), ["REQ1"]);
    assert_eq!(ini.parties(PartyKind::Requestor), Vec::<&str>::new());
    assert!(ini.party(PartyKind::Requestor, "REQ1").is_none());
    let long = "x".repeat(65);
    let made = ini.set_party(PartyKind::Requestor, &long, &PartySettings::default());
    assert_eq!(made, Err(IniError::Name));
}

#[test]
fn the_level_of_a_category_decides_what_is_written() {
    let mut ini = AgentIni::default();
    ini.set("Diagnostics", "Startup", "maximum").unwrap();
    ini.set("Diagnostics", "Event Handler", "much").unwrap();
    let levels = CATEGORIES.map(|category| ini.level(category));
    assert_eq!(levels, [Level::None, Level::Maximum, Level::None]);
    let all = [Level::None, Level::Minimum, Level::Medium, Level::Maximum];
    for level in all {
        assert!(level.writes(Level::Maximum, true));
        let written = all.iter().filter(|needed| level.writes(**needed, false));
        let at = all.iter().position(|own| *own == level).unwrap();
        assert_eq!(written.count(), at + 1);
    }
}

proptest! {
    #[test]
    fn objects_read_back(
        name in "[A-Za-z0-9ä]([A-Za-z0-9ä \\]\\[]{0,8}[A-Za-z0-9])?",
        containers in prop::collection::vec("[A-Z]([A-Z% ]{0,5}[A-Z])?", 0..4),
        trusts in (0u8..=100, 0u8..=100),
        flags in any::<[bool; 6]>(),
        templates in 0u8..=3,
    ) {
        let settings = PartySettings {
            import_container: "Imported".into(),
            import_trust: trusts.0,
            export_trust: trusts.1,
            export_containers: containers,
            export_custom_recipients: flags[0],
            append_name: flags[1],
            native_type: "MS".into(),
            language: "Hebrew".into(),
            sends: flags[2],
            receives: flags[3],
            templates,
            export_now: flags[4],
            import_now: flags[5],
        };
        let mut ini = AgentIni::default();
        ini.set_identity(&identity()).unwrap();
        ini.set_party(PartyKind::Requestor, &name, &settings).unwrap();
        let read = AgentIni::parse(ini.format().as_bytes()).unwrap();
        prop_assert_eq!(&read, &ini);
        prop_assert_eq!(read.parties(PartyKind::Requestor), vec![name.as_str()]);
        prop_assert_eq!(read.party(PartyKind::Requestor, &name), Some((settings, vec![])));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(ini) = AgentIni::parse(&bytes) {
            prop_assert_eq!(AgentIni::parse(ini.format().as_bytes()).unwrap(), ini);
        }
    }
}
