//! Ids of what commands report about their own work, beside the findings of the checker: steps that
//! were held, mail that waits, numbers out of step. `po-admin explain ID` prints a row.
//!
//! The end-to-end tests hold this table against the sources of the programs: every id that stands
//! there is explained, and every row here is an id that is used.

use super::findings::kinds;

kinds! {
    CYCLE_FAILED = "cycle.failed" Error ("assigned"):
        "A step could not be made at this postoffice, or its tree could not be opened. The others went on; nothing is lost, the next run goes on from here.";
    CYCLE_HELD = "cycle.held" Error ("assigned"):
        "The bulk-delete guard holds a step that would remove more than 25 entries and more than a fifth of one list. Nothing of it was done and its mail waits; --allow-deletes N, or NET/PO=N, lets it pass.";
    CYCLE_LOGGED = "cycle.logged" Error ("Q96001 Q96002 Q96003 Q96004"):
        "A step wrote a line that is more than a Status line to LOG/DIRSYNC.LOG. `po-admin explain` with its number says what it means; the severity is that of the line.";
    CYCLE_NOT_MOVED = "cycle.not-moved" Warning ("Q125511"):
        "A message in the system mailbag is not directory synchronization and could not be moved to the administrator's mailbox. It stays where it is; name an administrator with `po-admin options --administrator`, or make room in the mailbox.";
    CYCLE_NOT_SEARCHED = "cycle.not-searched" Warning ("assigned"):
        "A directory of the site could not be searched, or no tree was found there.";
    CYCLE_MISSING = "cycle.requestor-missing" Warning ("Q131509"):
        "A registered requestor sent no request and has no usable tree in the site. What it misses it gets in the first run that reaches it.";
    DELIVER_LINK = "deliver.link-down" Error ("assigned"):
        "Mail could not be moved to another postoffice and waits in the outbound mailbag. The next delivery tries again; `po-admin link list` shows since when and how often, `dxa-cycle routes` whether there is another way.";
    DELIVER_RETURNED = "deliver.returned" Error ("Q271545 Q178539"):
        "Mail went back to its senders: all attempts over a link were used up, or it waited for longer than its priority allows. About system mail the administrator is told; LOG/SYSTEM.LOG names every message.";
    DELIVER_TREE = "deliver.tree-down" Error ("assigned"):
        "The mail of a postoffice could not be served: its tree is busy, missing, damaged or does not answer. The mail of the others was moved.";
    GATEWAY_FAILED = "gateway.failed" Error ("assigned"):
        "A gateway could not be served: its folders, its mailbag or INQUEUE3 are not as they should be. What it brought and what waits for it stays where it is; everything else was moved, and the next delivery tries again.";
    GATEWAY_RETURNED = "gateway.returned" Warning ("assigned"):
        "A message for a gateway cannot be written as a file of FFAPI, for example because it is enciphered, and never will be. It went back to its sender with the reason; about system mail the administrator is told.";
    GATEWAY_REFUSED = "gateway.refused" Error ("Q118533 Q85043"):
        "A file that a gateway brought has a fault: the message gives the error of FFAPI with message and line, `po-admin explain \"FFAPI N\"` its meaning. Nothing of the file was taken; it stands in the BAD folder of the gateway with its error line, and what comes after it goes on.";
    GATEWAY_WAITS = "gateway.waits" Warning ("Q115490 Q134952"):
        "A file that a gateway brought is not whole yet or finds no room, or a file for it finds one of the same name in OUT. It stays where it is and is tried again.";
    TRANSPORT_HELD = "transport.held" Warning ("Q96060"):
        "A message waits in its mailbag for a time that does not end by itself, for example for a full or damaged mailbag behind it.";
    TRANSPORT_STUCK = "transport.stuck" Warning ("assigned"):
        "A message could not be handed over and was left in its mailbag; those behind it were served.";
    TRANSPORT_STRANDED = "transport.stranded" Warning ("Q148707"):
        "A message lies in its folder with its envelope, but no mailbag has a header of it and none can be made for it. `po-admin mail show` looks at the files; `po-admin check` names them.";
    TRANSPORT_UNUSABLE = "transport.mailbag-unusable" Error ("Q118619"):
        "A mailbag cannot be used because its MBG and KEY do not fit together. `po-admin check` says what is wrong with the pair.";
    MAIL_DAMAGED = "mailbag.message-damaged" Error ("assigned"):
        "A message of a mailbag cannot be read. It stays where it is, and the others are served.";
    DISPATCH_DOUBLE = "dispatch.double-entry" Warning ("Q96001"):
        "The schedule has a step twice on one weekday; only one of the two starts it. `po-admin schedule show` lists the entries.";
    DISPATCH_LOG = "dispatch.log-lost" Warning ("assigned"):
        "Lines of DISPATCH.LOG could not be written, because the home postoffice was busy or does not answer. What was run and missed stands in the report.";
    DISPATCH_MISSED = "dispatch.missed" Error ("Q96001"):
        "A step could not start within its run window. Its next start counts instead; `dxa-cycle run` makes up for it now.";
    DISPATCH_TABLE = "dispatch.no-table" Error ("Q96001"):
        "PROCESS.GLB, the schedule of a postoffice, cannot be read, so nothing starts there. `po-admin check` says what is wrong with it; `po-admin schedule set` writes entries.";
    RESET_MAILBAG = "reset.mailbag" Error ("Q257740 Q180434"):
        "A mailbag that a reset empties was damaged; it is empty now, and messages it held may still lie in their folders. `po-admin check --fix` removes what is left of them.";
    RESET_NUMBERS = "reset.not-zero" Error ("Q96060"):
        "After a reset some numbers of a requestor are not 0. Run the reset again; while they differ from the server's, its changes may be taken for old ones.";
    RESET_MISSING = "reset.requestor-missing" Error ("Q96060"):
        "A requestor of the server that is reset has no tree in the site. Its numbers stay as they are and will not fit: reset it by itself before its next cycle, then let it export.";
    RESET_WARNING = "reset.warning" Error ("assigned"):
        "Something that a reset found at a postoffice and passed over; the text says what.";
    EXCHANGE_AGENT_OFF = "exchange.agent-off" Note ("Q176566"):
        "The start type of the agent's service is 4, disabled: nothing leaves its box, and mail for it waits on the queue MICROSOFT DXA, where mtacheck lists and purges it. `po-admin registry set EXCHANGE Start 2` lets it run.";
    EXCHANGE_MTA = "exchange.mta-damaged" Error ("Q247618 Q159305"):
        "The queue database of an Exchange server, one of its queues or an object in it cannot be used. Mail of the agent and for it waits in front of it; mail between postoffices is moved. `mtacheck check MTADATA` says what is wrong and `mtacheck repair MTADATA` mends it; the next delivery goes on.";
    EXCHANGE_PARKED = "exchange.parked" Error ("Q158379 Q164840 Q200079"):
        "The interchange could not process a message on its way between agent and postoffice: it cannot be read, or its attachments cannot be expanded or would be too large. It was marked, is left in its queue and passed over; the event log has 2447 for directory synchronization and 2446 for everything else. `mtacheck show` and `list` show it, `mtacheck purge` takes it away, `dxa-cycle deliver --retry-parked` tries it again.";
    EXCHANGE_PAUSE = "exchange.pause-ignored" Warning ("Q146738 Q147464 Q148309"):
        "Pausing the agent of version 4.0 runs a cycle only where the registry has PauseKicksDX with the value 1. Nothing was run. Set it with `po-admin registry set EXCHANGE PauseKicksDX 1`.";
    EXCHANGE_NO_ROLE = "exchange.no-role" Warning ("Q146738"):
        "The Exchange server is neither directory server nor requestor, so there is nothing that pausing or starting its agent could do.";
    EXCHANGE_AGENT = "exchange.agent-file" Error ("assigned"):
        "A file of the agent is missing or cannot be read, or two of them say different things about who the server is. Restore the files of DXADATA from one backup, or end the role and begin it anew.";
    EXCHANGE_OBJECT = "exchange.object-without-record" Error ("Q152231 Q188386"):
        "An object of a remote requestor and its record do not belong together: one of them is missing. Objects are removed before the connector, and both by their command; remove the requestor and make it anew.";
    EXCHANGE_REGISTRY = "exchange.registry-value" Warning ("assigned"):
        "REGISTRY.REG is missing or cannot be read, or a value in it has a type or content that does nothing. `po-admin registry get` shows the values that are known.";
    EXCHANGE_RECIPIENT = "exchange.recipient-row" Error ("assigned"):
        "A row of the recipients cannot be read. A list that cannot be read whole is never taken for a shorter one, so no cycle runs until the row is mended.";
    EXCHANGE_TWICE = "exchange.recipient-twice" Warning ("Q147084 Q163625"):
        "Two recipients have the same target or proxy. A hidden recipient that exists twice makes its requestor unknown: messages are discarded with event 136, or 139.";
    EXCHANGE_HIDDEN = "exchange.hidden-recipient" Warning ("Q147084 Q151668"):
        "The hidden recipient $SYSTEM that stands for a requestor or for the server is missing, or is not hidden. It addresses outgoing mail and identifies who may send; making the requestor anew makes it.";
    EXCHANGE_MAPPING = "exchange.mapping-table" Error ("Q166545 Q146676"):
        "XDIR.TAB, the agent's table of what it has sent, cannot be read or names a recipient twice; as a note: it names recipients that are gone, which the next session tells the others.";
    EXCHANGE_QUEUE = "exchange.queue-missing" Error ("Q148389 Q282780"):
        "A queue that the agent or the connector needs is missing in the database of the MTA, or the database cannot be read. `mtacheck repair` makes lost queues again.";
    EXCHANGE_SHADOW = "exchange.shadow" Error ("Q149451 Q181951"):
        "The shadow postoffice is missing, or is another postoffice than the agent.";
    EXCHANGE_FOREIGN = "exchange.foreign-part" Warning ("assigned"):
        "A part of the server carries no LAYOUT.TXT of this project, or another version. It is read, never written.";
    EXCHANGE_RESYNC = "exchange.resync-unknown" Error ("Q150976"):
        "ResyncConnectionRDNs names a remote requestor that the server does not have. Names are those of the objects, as `po-admin requestor list` shows them; RESYNC.GLB was made for the others, or not at all when there is none.";
    EXCHANGE_EVENTS = "exchange.bad-event-line" Warning ("assigned"):
        "A line of EVENTS.JSONL is no event and was passed over. The file is only a log: nothing depends on it, and it may be moved away.";
    SYNC_BEHIND = "sync.behind" Warning ("Q96060"):
        "A requestor has not yet taken what the server has sent or holds for it. One cycle brings it up to date.";
    SYNC_IMPORT_BEHIND = "sync.import-behind" Error ("Q99961"):
        "The server's record of the requestor counts fewer imports than the requestor, as after it was deleted and created again: every reply is dropped as old. Make an import request (`po-admin import-request`); when its reply is applied, export.";
    SYNC_MAIL = "sync.mail-waits" Note ("assigned"):
        "Messages wait in the queues or in the system mailbag. A cycle moves and takes them.";
    SYNC_RESTARTED = "sync.numbering-restarted" Warning ("Q119014"):
        "A requestor numbers its transactions from the start again, so new ones are taken for old. Make one cycle so that the numbers are in step, then export at the requestor; its record is not to be deleted.";
    SYNC_PURGED = "sync.purged-gap" Warning ("Q108067"):
        "A requestor was away for longer than the server keeps updates: what it misses was purged, messages 138 and 139 say how much. Make an export and an import request at the requestor, or run T2 with --auto-import.";
    SYNC_GAP = "sync.request-gap" Warning ("Q96060"):
        "A request leaves out numbers that the server has never seen. The rest was taken; an export at the requestor brings what is missing.";
    SYNC_INCOMPLETE = "sync.request-incomplete" Warning ("Q201122 Q106623 Q118298 Q99268"):
        "A gateway or another foreign requestor left out parameters that a request must pass; the message names them. Without TASK it is message 155, without REQNAME 158; without SRVSEQ nothing is asked for and the answer is \"No updates to send. Nothing was requested.\"; without TRANSACTIONS the answer would come as records that only a postoffice reads. Mend the request at the gateway, purge what piled up (`mtacheck purge MTADATA --queue \"MICROSOFT DXA\"`), create the requestor anew, and run a cycle.";
    SYNC_AHEAD = "sync.server-ahead" Warning ("Q96060"):
        "The server has confirmed more than the requestor ever sent, as after the requestor was set back to an older state. What waits was numbered anew behind it; an export brings what the server may have lost.";
    SYNC_RESTORED = "sync.server-restored" Error ("Q113453 Q96060"):
        "A requestor has numbers that this server never gave: the server was restored from a backup copy. Export at all requestors, make one cycle, then give RESYNC.GLB to all, or make an import request at each.";
    SYNC_UNKNOWN = "sync.unknown-party" Error ("Q99268"):
        "The server a requestor names has no record of it, or is not in the site. Create the requestor at the server with `po-admin requestor add`.";
    SYNC_WAITING = "sync.waiting" Warning ("Q133428"):
        "Transactions of a requestor are not confirmed by the server yet, or REQTRANS.GLB cannot be read. A cycle sends them again.";
    MESSAGE_OTHER = "message.other" Warning ("assigned"):
        "Something an import has to say that has no number among the messages; the text says what.";
    MESSAGE_MORE = "message.more" Warning ("assigned"):
        "There are more problems than a report lists one by one. Correct what is named first, then run again.";
    COMMAND_NOTE = "command.note" Note ("assigned"):
        "Something that a command did besides what it was asked for, or did not have to do.";
    COMMAND_ROW = "command.row-left-out" Error ("assigned"):
        "A row of a file could not be used and was left out; the message says why. Mend it and give the file again: rows that were taken are passed over.";
}

/// The rows.
pub fn report_kinds() -> impl Iterator<Item = &'static super::findings::FindingKind> {
    KINDS.iter()
}
