//! Created postoffices, templates, gateways.

use super::*;

// rule: imp:R-AUT-001
// rule: imp:R-AUT-002
// rule: imp:R-AUT-004
// rule: dec:DEC-089
// rule: dsp:R-AUT-001
// rule: dsp:R-AUT-002
// rule: dsp:R-T3-011
// rule: imp:R-ID-003
// rule: tra:R-RTE-005
// rule: tra:R-ADM-035
#[test]
fn an_unknown_postoffice_is_created_with_the_route_to_the_server() {
    let disk = site();
    add_network(&disk, "SNA", 0x30, Some(0x20), Some(0x21));
    let imported = import(
        &disk,
        &[
            "A One\tPCM:NET/R2/one",
            "A Three\tSNADS:SNA/DGN/three",
            "A Four\tPCM:SNA/X/four",    // 68: the name of a gateway
            "A Five\tSNADS:NOGW/D/five", // 44: no such gateway
            "A Six\tSNADS:NOGW/D/six",   // not said again
        ],
    );
    assert_eq!(codes(&imported), [68, 44]);
    assert_eq!((imported.counts.created, imported.counts.failed), (2, 3));
    let xtn = read(&disk, "XTN/00000001.XTN").unwrap();
    let records: Vec<XtnRecord> = xtn
        .chunks(698)
        .map(|b| XtnRecord::decode(b).unwrap())
        .collect();
    let new = &records[2];
    assert_eq!(new.postoffice.text(), b"R2");
    assert_eq!(new.route(), Some(Route::Indirect));
    assert_eq!(
        (new.hub_network.text(), new.hub_postoffice.text()),
        (&b"NET"[..], &b"HUB"[..])
    );
    assert_eq!(
        (new.hub_mailbag, new.phone),
        (records[1].hub_mailbag, records[1].phone)
    );
    assert_eq!(new.options, XtnRecord::AUTOCREATED);
    assert_eq!(records[0].indirect_count.get(), 1);
    let stem = new.mailbag.get().unwrap().unwrap();
    assert_eq!(read(&disk, &format!("MBG/{stem}.MBG")).unwrap(), b"");
    assert_eq!(
        read(&disk, &format!("KEY/{stem}.KEY")).unwrap(),
        vec![0; 560]
    );
    assert_eq!(usr(&disk, stem.0).len(), 1);
    // A node has a list, but no mailbag: its mail lies in the gateway's.
    let node = XtnRecord::decode(&read(&disk, "XTN/00000020.XTN").unwrap()).unwrap();
    let node = node.mailbag.get().unwrap().unwrap();
    assert_eq!(usr(&disk, node.0).len(), 1);
    assert_eq!(read(&disk, &format!("MBG/{node}.MBG")), None);
    assert_eq!(read(&disk, &format!("KEY/{node}.KEY")), None);
    assert_ne!(node, stem);
    // The next one of the same postoffice finds it.
    assert_eq!(import(&disk, &["A Two\tPCM:net/r2/two"]).counts.created, 0);
    assert_eq!(usr(&disk, stem.0).len(), 2);
}

// rule: dec:DEC-088
// rule: imp:R-AUT-003
// rule: dsp:R-AUT-003
// rule: tra:R-RTE-005
// rule: tra:R-ADM-035
#[test]
fn without_a_known_server_nothing_is_created() {
    let texts = ["A One\tPCM:NET/R2/one"];
    let fails = |disk: &MemDisk| {
        put(disk, SRVTRANS, &queue(1, &texts));
        plan_queue(&view(disk), &options(), &[], &NoProgress).unwrap_err()
    };
    let disk = site();
    set_conf(&disk, |conf| conf.srv_postoffice = field("GONE"));
    let error = fails(&disk);
    assert!(
        error.to_string().contains("[ 55]") && error.hint().is_some(),
        "{error}"
    );
    set_conf(&disk, |conf| conf.srv_network = field(""));
    let error = fails(&disk);
    assert!(error.to_string().contains("[ 54]"), "{error}");
    // On the server itself: a direct route, and message 60.
    set_conf(&disk, |conf| {
        conf.srv_network = field("NET");
        conf.srv_postoffice = field("HQ");
    });
    let imported = import(&disk, &texts);
    assert_eq!(
        (codes(&imported), imported.problems.serious()),
        (vec![60], 0)
    );
    let xtn = read(&disk, "XTN/00000001.XTN").unwrap();
    let record = XtnRecord::decode(&xtn[2 * 698..]).unwrap();
    assert_eq!(record.route(), Some(Route::Direct));
    // The option off: 32 for a postoffice, 31 for a network, once for each.
    set_conf(&disk, |conf| {
        conf.set(req_options::CREATE_POSTOFFICES, false)
    });
    let imported = import(
        &disk,
        &[
            "R PCM:NET/R9",
            "A A\tPCM:NET/R9/a",
            "A B\tPCM:NET/R9/b",
            "A C\tPCM:N9/R9/c",
        ],
    );
    assert_eq!(codes(&imported), [32, 31]);
    assert_eq!(imported.counts.failed, 3);
}

// rule: imp:R-TPL-002
// rule: imp:R-TXN-T
// rule: dsp:R-TPL-001
// rule: dsp:R-TPL-004
// rule: imp:R-TPL-004
// rule: imp:R-EXC-006
// rule: pof:R-INF-004
// rule: tra:R-ADM-034
#[test]
fn template_data_is_written_once_and_does_not_grow() {
    let disk = site();
    let template = "T PCM:NET/SRV\r\n Phone:~10~8~NP~~\r\n City/ST:~10~5~A~NY~";
    let add = "A able\tPCM:NET/SRV/able\r\n- Phone:/555\r\n- Fax:/1";
    let imported = import(&disk, &[template, add]);
    assert_eq!(codes(&imported), [37]);
    // The prompt counts with its colon.
    let imported = import(&disk, &["A able\tPCM:NET/SRV/able\r\n- Phone/555"]);
    assert_eq!(codes(&imported), [37]);
    import(&disk, &["A able\tPCM:NET/SRV/able\r\n- Phone:/555"]);
    let tpl = Template::parse(&read(&disk, "TPL/00000010.TPL").unwrap()).unwrap();
    assert_eq!(tpl.fields.len(), 2);
    let list = |disk: &MemDisk| -> Vec<UsrRecord> {
        read(disk, "USR/00000010.USR")
            .unwrap()
            .chunks(53)
            .map(|bytes| UsrRecord::decode(bytes).unwrap())
            .collect()
    };
    let values = |disk: &MemDisk, at: usize| -> Vec<Vec<u8>> {
        let inf = read(disk, "INF/00000010.INF").unwrap();
        let index = list(disk)[at].inf_index().unwrap() as usize;
        let len = tpl.record_len_bytes();
        let record = &inf[index * len..(index + 1) * len];
        tpl.record_values(record)
            .unwrap()
            .into_iter()
            .map(<[u8]>::to_vec)
            .collect()
    };
    assert_eq!(values(&disk, 0), [b"555".to_vec(), b"NY".to_vec()]);
    assert_eq!(list(&disk)[1].inf_index(), None);
    // The same again changes nothing; a second entry takes the next record; fields that a
    // modification does not name get their defaults (Q107754).
    import(&disk, &[add]);
    assert_eq!(
        read(&disk, "INF/00000010.INF").unwrap().len(),
        tpl.record_len_bytes()
    );
    let zola = "M Zola\tPCM:NET/SRV/zola\r\n- City//ST:/Boston";
    import(&disk, &[zola, "M able\tPCM:NET/SRV/able\r\n- City//ST:/LA"]);
    assert_eq!(values(&disk, 2), [b"".to_vec(), b"Bosto".to_vec()]);
    assert_eq!(values(&disk, 0), [b"".to_vec(), b"LA".to_vec()]);
    // An entry that goes makes room for the next one.
    let len = read(&disk, "INF/00000010.INF").unwrap().len();
    import(
        &disk,
        &[
            "D able\tPCM:NET/SRV/able",
            "A New\tPCM:NET/SRV/new\r\n- Phone:/1",
        ],
    );
    assert_eq!(read(&disk, "INF/00000010.INF").unwrap().len(), len);
    // A new template takes all data away (Q125920).
    import(&disk, &["T PCM:NET/SRV\r\n Room:~10~8~NP~~"]);
    assert_eq!(read(&disk, "INF/00000010.INF").unwrap(), b"");
    assert!(
        list(&disk)
            .iter()
            .all(|record| record.inf_index().is_none())
    );
    // Without a template: 65; without the option: 73; once for a list.
    let imported = import(
        &disk,
        &[
            "A H\tPCM:NET/HUB/h\r\n- X:/1",
            "A I\tPCM:NET/HUB/i\r\n- X:/1",
        ],
    );
    assert_eq!(codes(&imported), [65]);
    set_conf(&disk, |conf| {
        conf.set(req_options::RECEIVE_TEMPLATES, false)
    });
    let imported = import(&disk, &[template, "A J\tPCM:NET/SRV/j\r\n- Phone:/1"]);
    assert_eq!(codes(&imported), [73]);
    assert_eq!(imported.counts.added, 1);
}

// rule: dsp:R-TPL-005
// rule: dsp:R-BUG-20
// rule: tra:R-GWY-012
#[test]
fn a_template_of_256_fields_and_its_data_work_and_257_are_refused() {
    let disk = site();
    let fields = |count: usize| -> String {
        (0..count)
            .map(|n| format!("\r\n Field {n:03}:~12~9~A~~"))
            .collect()
    };
    let data: String = (0..256)
        .map(|n| format!("\r\n- Field {n:03}:/value{n:03}"))
        .collect();
    let template = format!("T PCM:NET/SRV{}", fields(256));
    let add = format!("A able\tPCM:NET/SRV/able{data}");
    let imported = import(&disk, &[&template, &add, "A Next\tPCM:NET/SRV/next"]);
    assert_eq!(codes(&imported), [0u16; 0]);
    let tpl = Template::parse(&read(&disk, "TPL/00000010.TPL").unwrap()).unwrap();
    assert_eq!(tpl.fields.len(), 256);
    let inf = read(&disk, "INF/00000010.INF").unwrap();
    assert_eq!(inf.len(), 256 * 10);
    let values = tpl.record_values(&inf).unwrap();
    for (n, value) in values.iter().enumerate() {
        assert_eq!(*value, format!("value{n:03}").as_bytes());
    }
    assert!(usr(&disk, 0x10).iter().any(|(alias, ..)| alias == "Next"));
    // One more is no template; the old one and its data stay.
    let imported = import(&disk, &[&format!("T PCM:NET/SRV{}", fields(257))]);
    assert_eq!(imported.counts.failed, 1);
    assert_eq!(read(&disk, "INF/00000010.INF").unwrap(), inf);
}

// rule: dsp:R-TXN-005
#[test]
fn a_replace_of_one_node_leaves_the_other_nodes_of_the_gateway_alone() {
    let disk = site();
    add_network(&disk, "SNA", 0x30, Some(0x20), Some(0x21));
    add_place(&disk, 0x20, "ONE", 0x22, Route::Direct);
    add_place(&disk, 0x20, "TWO", 0x23, Route::Direct);
    put_usr(&disk, 0x22, &[("Smith", "A1", 14), ("Jones", "A2", 15)]);
    put_usr(&disk, 0x23, &[("Kay", "B1", 16)]);
    let imported = import(&disk, &["R SNADS:SNA/ONE", "A New\tSNADS:SNA/ONE/A3"]);
    assert_eq!(codes(&imported), [0u16; 0]);
    assert_eq!(usr(&disk, 0x22), rows(&[("New", "A3", 101)]));
    assert_eq!(usr(&disk, 0x23), rows(&[("Kay", "B1", 16)]));
}

// Q96002, Q120449: without TID.GLB nobody gets a made-up number.
// rule: pof:R-TID-002
// rule: pof:R-TID-003
// rule: tra:R-ADM-063
#[test]
fn without_tuple_ids_nothing_is_added_and_everything_waits() {
    let disk = site();
    disk_remove(&disk, "GLB/TID.GLB");
    put(&disk, SRVTRANS, &queue(1, &["A New\tPCM:NET/SRV/new"]));
    let before = (read(&disk, SRVTRANS), usr(&disk, 0x10));
    let mut tree = writer(&disk);
    let error = run_queue(
        &mut tree,
        &options(),
        &info(Command::ImportQueue),
        &NoProgress,
    )
    .unwrap_err();
    let shown = error.to_string();
    assert!(
        shown.contains("[ 39] Error generating TID") && shown.contains("TID.GLB"),
        "{shown}"
    );
    drop(tree);
    assert_eq!((read(&disk, SRVTRANS), usr(&disk, 0x10)), before);
}

// rule: dsp:R-BUG-21
// rule: pof:R-TID-002
#[test]
fn a_batch_gives_everybody_an_id_of_his_own_that_is_not_0() {
    let disk = site();
    put(&disk, "GLB/TID.GLB", &[0; 4]);
    let texts: Vec<String> = (0..300)
        .map(|n| format!("A User {n}\tPCM:NET/{}/u{n}", ["SRV", "HUB", "NEW"][n % 3]))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let imported = import(&disk, &texts);
    assert_eq!(imported.counts.added, 300);
    let mut tids = Vec::new();
    for name in ["SRV", "HUB", "NEW"] {
        let places = crate::import::places::Places::read(&view(&disk)).unwrap();
        let code = crate::core::format::codes::AddressCode::from_code(0).unwrap();
        let name = format!("NET/{name}").parse().unwrap();
        let stem = places.places[places.find(code, name).unwrap()].stem;
        let new = usr(&disk, stem.0)
            .into_iter()
            .filter(|(alias, ..)| alias.starts_with("User "));
        tids.extend(new.map(|(_, _, tid)| tid));
    }
    tids.sort_unstable();
    assert_eq!(tids.len(), 300);
    assert!(tids[0] > 0 && tids.windows(2).all(|pair| pair[0] < pair[1]));
}

// rule: imp:R-ADR-001
// rule: dsp:R-TYP-003
// rule: dsp:R-TXN-005
// rule: dsp:R-FOR-005
// rule: imp:R-ID-004
// rule: tra:R-GWY-005
#[test]
fn a_gateway_list_keeps_ids_and_places_of_its_addresses() {
    let disk = site();
    let imported = import(&disk, &["A Paul\tSMTP:paul@example.com", "A X\tSMTP:x@y"]);
    assert_eq!((codes(&imported), imported.counts.failed), (vec![44], 2));
    add_network(&disk, "SMTP", 0x20, None, Some(0x30));
    import(
        &disk,
        &[
            "A Paul\tSMTP:paul@example.com",
            "A Anna\tSMTP:anna@example.com",
            "A Gone\tSMTP:g@x",
        ],
    );
    let show = |disk: &MemDisk| -> Vec<(String, String, u32, u32)> {
        let addresses = read(disk, "GLB/SMTP.GLB").unwrap();
        nme(disk, "NME/SMTP.NME")
            .iter()
            .map(|record| {
                assert_eq!(
                    (record.kind, record.address_type, record.hexid.get()),
                    (3, 16, 0x30)
                );
                let list = crate::core::format::gateway_list::GatewayList::new(&addresses).unwrap();
                let entry = list.at_offset(record.pointer.get()).unwrap();
                assert!(entry.is_live());
                (
                    record.alias.to_string_850(),
                    String::from_utf8(entry.address.to_vec()).unwrap(),
                    record.tid.get(),
                    record.pointer.get(),
                )
            })
            .collect()
    };
    let before = show(&disk);
    assert_eq!(before.len(), 3);
    let len = read(&disk, "GLB/SMTP.GLB").unwrap().len();
    // The same list again, less one: nothing grows, ids and places stay.
    let imported = import(
        &disk,
        &[
            "R SMTP:",
            "A Anna\tSMTP:anna@example.com",
            "A Paul\tSMTP:PAUL@example.com",
        ],
    );
    assert_eq!(imported.lists[0].removed, 1);
    let after = show(&disk);
    assert_eq!(after, [before[0].clone(), before[2].clone()]);
    assert_eq!(read(&disk, "GLB/SMTP.GLB").unwrap().len(), len);
    let addresses = read(&disk, "GLB/SMTP.GLB").unwrap();
    assert_eq!(addresses[before[1].3 as usize], 0);
    // A new address of the same name.
    import(
        &disk,
        &["M Paul\tSMTP:paul@example.com\r\n  Paul\tSMTP:p@new"],
    );
    let after = show(&disk);
    assert_eq!((after[1].1.as_str(), after[1].2), ("p@new", before[2].2));
    let imported = import(
        &disk,
        &["D Paul\tSMTP:paul@example.com", "D Paul\tSMTP:P@NEW"],
    );
    assert_eq!(codes(&imported), [29]);
    assert_eq!(show(&disk).len(), 1);
}
