//! Purge, records, the role itself.

use super::*;

// rule: dsp:R-ROLE-003
// rule: dsp:R-T2R-014
#[test]
fn a_cycle_begins_and_the_own_record_must_be_there() {
    let server = tv_server().server;
    let (header, diary) = server.begin_receive(NOW);
    assert_eq!((header.cycle.get(), header.last_receive.get()), (1, NOW.0));
    assert!(!diary.has(136));
    let mut lost = server;
    lost.records[0].state = 0;
    assert!(lost.begin_receive(NOW).1.has(136));
}

fn purge_end(server: &TestServer, purge: &Purge) -> Option<PurgeEnd> {
    let mut scan = purge.scan();
    for record in &server.master {
        if !scan.see(record.number, record.date.0) {
            break;
        }
    }
    scan.finish()
}

// rule: dec:TV-DEC-7
// rule: dec:DEC-047
// rule: dsp:R-T2R-012
#[test]
fn a_server_that_stood_still_serves_before_it_purges() {
    let mut server = TestServer::new(&["NET/R1", "NET/R2"]);
    server.fill(1, 500, "NET/SRV");
    server.now = UnixTime(NOW.0 + 30 * 86_400);
    let mut served = Vec::new();
    for (name, srv) in [("NET/R1", 480), ("NET/R2", 490)] {
        server.set_numbers(name, 5, srv, 1);
        server.receive_one(&request(&requestor(name, 5, srv, 1), &[dummy(5)]));
        let (unit, mail) = {
            let index = server.index(name);
            server.answer(index, OwnLists::Unapplied, &[])
        };
        assert_eq!(attached(&mail.unwrap()).first(), Some(&(srv + 1)));
        served.extend(unit.served);
    }
    let now = server.now;
    let purge = server.server.purge(true, &served, 500, &[], now).unwrap();
    assert_eq!(purge.header.last_purge.get(), now.0);
    let end = PurgeEnd {
        records: 480,
        upto: 480,
    };
    assert_eq!(purge_end(&server, &purge), Some(end));
    // A run that answered nobody purges nothing.
    assert!(server.server.purge(false, &[], 500, &[], now).is_none());
    // The server's own T3 bounds it, too.
    let purge = server.server.purge(true, &served, 7, &[], now).unwrap();
    assert_eq!(purge_end(&server, &purge).unwrap().upto, 7);
}

// rule: dec:DEC-047
// rule: dsp:R-STA-005
#[test]
fn the_purge_waits_for_who_was_heard_and_keeps_the_last_entry() {
    let mut server = TestServer::new(&["NET/R1", "NET/R2"]);
    server.fill(1, 20, "NET/SRV");
    for record in &mut server.master[15..] {
        record.date = UnixTime(NOW.0 + 10 * 86_400);
    }
    let day = |n: u32| UnixTime(NOW.0 + n * 86_400);
    let upto = |server: &TestServer, held: &[usize], now: UnixTime| {
        let purge = server.server.purge(true, &[20], 20, held, now).unwrap();
        purge_end(server, &purge).map(|end| end.upto)
    };
    // Nobody else was heard: what is old goes.
    assert_eq!(upto(&server, &[], day(15)), Some(15));
    assert_eq!(upto(&server, &[], day(14)), None);
    // R1 was heard and has 3.
    server.record("NET/R1").conf_sync.set(3);
    server.record("NET/R1").last_update.set(day(10).0);
    assert_eq!(upto(&server, &[], day(15)), Some(3));
    assert_eq!(upto(&server, &[], day(26)), Some(19));
    // R2 was not, but its requests wait for the guard.
    let held = [server.index("NET/R2")];
    assert_eq!(upto(&server, &held, day(26)), None);
    server.record("NET/R2").conf_sync.set(9);
    assert_eq!(upto(&server, &held, day(26)), Some(9));
    // Who takes nothing misses nothing.
    server
        .record("NET/R2")
        .ask
        .set(crate::format::srvconf::ask::NO_UPDATES);
    assert_eq!(upto(&server, &held, day(26)), Some(19));
}

// rule: dsp:R-ROLE-001
// rule: dsp:R-ROLE-003
// rule: dsp:R-ROLE-006
// rule: dsp:R-ROLE-007
// rule: dec:DEC-054
#[test]
fn the_server_role_is_taken_and_given_up() {
    let mut conf = ReqConfRecord::fresh();
    let on = Server::switch_on(po("NET/SRV"), &conf).unwrap();
    assert_eq!((on.server.sync(), on.server.records.len()), (0, 1));
    assert!(on.server.find(on.server.party()).is_some());
    let own = Requestor {
        own: po("NET/SRV"),
        conf: on.conf,
        is_server: true,
    };
    assert_eq!(own.server().unwrap().0, own.party());
    conf.srv_sync.set(80);
    let refused = Server::switch_on(po("NET/SRV"), &conf).unwrap_err();
    assert_eq!(refused, ServerRefusal::NotReset(80));
    let off = server_off();
    assert!(off.drop_t2_schedule && off.files.contains(&"GLB/MSTTRANS.GLB"));
}

// rule: dsp:R-ROLE-004
// rule: dsp:R-ROLE-002
#[test]
fn requestors_come_and_go() {
    let mut server = TestServer::new(&["NET/R1"]).server;
    let party = |name: &str| Party::postoffice(po(name));
    let create = |server: &mut Server, name: &str| {
        server.create_requestor(party(name), MailboxName::system(), Password::default())
    };
    assert_eq!(
        create(&mut server, "net/r1"),
        Err(ServerRefusal::Exists("PCM:net/r1".into()))
    );
    server.records[1].req_sync.set(7);
    assert_eq!(server.delete_requestor(party("NET/R1")), Ok(1));
    assert!(matches!(
        server.delete_requestor(party("NET/R1")),
        Err(ServerRefusal::Unknown(_))
    ));
    assert_eq!(create(&mut server, "NET/R2"), Ok(1));
    assert_eq!(server.records[1].req_sync.get(), 0);
    assert_eq!(create(&mut server, "NET/R3"), Ok(2));
    let own = server.party();
    assert_eq!(server.delete_requestor(own), Err(ServerRefusal::OwnRecord));
}
