//! What the text of an event of the MTA says beyond its words: who wrote it, how grave it is and
//! which objects of the database it is about.
//!
//! The same event has two forms (Q153103, Q159566). The event log ends with
//! `[MTA XFER-IN 22 101] (14)`: component, thread and its number, procedure, severity. The text log
//! EV0.LOG begins with `message NMI2171: ..., severity 14` and `(DB Server DISP:FANOUT(12) Proc 26)
//! 04-18-97 02:13:47pm`. Texts are pasted by people: line ends, doubled blanks and the bracket that
//! one article prints for the other one (`[14]`) are taken as they come.

use std::fmt;

use super::id::{ObjectId, ObjectNumber, class};

/// Bytes of a text that are read; an event has some hundred.
pub const TEXT_LIMIT_BYTES: usize = 64 << 10;
/// Objects that are kept of one text.
const MENTIONS_LIMIT: usize = 32;

/// Components, the longer names first where one begins like another (R-DB-040).
const COMPONENTS: [&str; 8] = [
    "DB Server",
    "RD Server",
    "PLATFORM",
    "BASE IL",
    "XAPI",
    "POP4",
    "BASE",
    "MTA",
];

/// Threads (R-DB-040).
const THREADS: [&str; 19] = [
    "MAIN BASE",
    "OPERATOR",
    "SUBMIT",
    "DELIVER",
    "XFER-IN",
    "TRANSFER",
    "GATEWAY",
    "APPLICATION",
    "TIMER",
    "INCOMING RPC",
    "DISP:ROUTER",
    "DISP:FANOUT",
    "DISP:RESULT",
    "RTSE",
    "KERNEL",
    "TCP/IP DRVR",
    "PIPE RAS",
    "POP4 UP",
    "POP4 DOWN",
];

/// Codes of the database with their texts (Q177886, Q157235, Q182009, Q235534, Q157702).
const DATABASE_CODES: [(&str, &str); 6] = [
    ("ODXOINIU", "Object does not exist"),
    ("ODXFATAL", "Internal or Application Error"),
    ("ODXAATRW", "I/O Error on AAT file (read/write)"),
    ("ODXOBJEC", "I/O Error on object file"),
    ("ODXEOLST", "Value Number too large"),
    ("ODXBMFUL", "Bitmap full"),
];

/// Severities that occur (R-DB-040).
const SEVERITIES: [u32; 6] = [6, 8, 10, 12, 14, FATAL];

/// The severity that ends the MTA (Q163325).
pub const FATAL: u32 = 16;

/// Who wrote an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `MTA`, `DB Server`, …
    pub component: &'static str,
    /// `XFER-IN`, `DISP:FANOUT`, …
    pub thread: &'static str,
    /// Number of the thread.
    pub thread_number: u32,
    /// Number of the procedure; some events have none.
    pub procedure: Option<u32>,
}

impl Origin {
    /// Where to look for the cause, where that is documented (Q159166).
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self.thread {
            "XFER-IN" => Some(
                "a message that a neighbour is handing over: look into its queue for this server",
            ),
            "DISP:FANOUT" => Some("a message in the database of this server: look into MTADATA"),
            _ => None,
        }
    }
}

impl fmt::Display for Origin {
    /// As the event log writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            component,
            thread,
            thread_number,
            ..
        } = self;
        write!(f, "{component} {thread} {thread_number}")?;
        match self.procedure {
            Some(procedure) => write!(f, " {procedure}"),
            None => Ok(()),
        }
    }
}

/// What an event says about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `Object at fault`, `Object ID`, `is on object`: its file is the one to look at (Q157214).
    AtFault,
    /// `Referenced object`.
    Referenced,
    /// Event 285: a queue that was made, its number in decimal (Q163307).
    QueueMade,
    /// Named without more words.
    Named,
}

impl Role {
    /// In words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::AtFault => "object at fault",
            Self::Referenced => "referenced object",
            Self::QueueMade => "queue that was made",
            Self::Named => "object",
        }
    }
}

/// An object that an event names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mention {
    /// The object; number 0 is none (Q177886).
    pub object: ObjectId,
    /// What is said about it.
    pub role: Role,
}

/// What could be read of an event's text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventText {
    /// Number of the event, when the text has it: `NMI2171`, `Event ID: 209`, or in an exception
    /// `e005087b` (Q157013).
    pub number: Option<u32>,
    /// Who wrote it.
    pub origin: Option<Origin>,
    /// 6, 8, 10, 12, 14 or 16; 16 is [`FATAL`] (Q163325).
    pub severity: Option<u32>,
    /// Code of the database and its text.
    pub code: Option<(&'static str, &'static str)>,
    /// Objects in the order of the text, each once.
    pub mentions: Vec<Mention>,
}

impl EventText {
    /// Reads a text; `None` when it holds nothing that only an event of the MTA holds.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut end = text.len().min(TEXT_LIMIT_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let words: Vec<&str> = text[..end].split_whitespace().collect();
        let text = words.join(" ").replace("XFER- IN", "XFER-IN");
        let mut read = Self::default();
        if let Some((origin, after)) = origin(&text) {
            read.severity = severity(after);
            read.origin = Some(origin);
        }
        if let Some(at) = after_phrase(&text, "severity ") {
            read.severity = read.severity.or(leading_number(at));
        }
        read.code = DATABASE_CODES
            .into_iter()
            .find(|(code, _)| text.contains(code));
        read.number = number(&text);
        read.mentions = mentions(&text);
        let of_an_event = read.origin.is_some() || read.code.is_some() || read.mentions_at_work();
        of_an_event.then_some(read)
    }

    /// Whether an object is named in words that only events use; a lone number may be anything.
    fn mentions_at_work(&self) -> bool {
        self.mentions
            .iter()
            .any(|mention| mention.role != Role::Named)
    }
}

/// The origin in either form, and what comes behind it.
fn origin(text: &str) -> Option<(Origin, &str)> {
    text.char_indices()
        .filter(|(_, c)| matches!(c, '[' | '('))
        .find_map(|(at, _)| {
            let inside = text.get(at + 1..)?;
            let component = COMPONENTS.into_iter().find(|name| {
                inside
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with(' '))
            })?;
            let rest = inside.get(component.len() + 1..)?;
            let thread = THREADS
                .into_iter()
                .filter(|name| rest.starts_with(name))
                .max_by_key(|name| name.len())?;
            // ` 22 101]`, `(22) Proc 101)`, and as misprinted `4 18]` or ` 14:331]`.
            let rest = rest.get(thread.len()..)?.trim_start_matches([' ', '(']);
            let thread_number = leading_number(rest)?;
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            let rest = rest.trim_start_matches([')', ' ', ':']);
            let rest = rest.strip_prefix("Proc ").unwrap_or(rest);
            let procedure = leading_number(rest);
            let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            let origin = Origin {
                component,
                thread,
                thread_number,
                procedure,
            };
            Some((origin, after))
        })
}

fn number(text: &str) -> Option<u32> {
    ["message NMI", "Event ID:", "Event:"]
        .into_iter()
        .find_map(|phrase| leading_number(after_phrase(text, phrase)?.trim_start()))
        .or_else(|| words(text).find_map(|(_, word)| exception(word)))
}

/// The event in an exception number of the MTA: `e0050c08` is 3080.
fn exception(word: &str) -> Option<u32> {
    let bytes = word.as_bytes();
    let is_one = bytes.len() == 8 && bytes[..4].eq_ignore_ascii_case(b"e005");
    is_one
        .then(|| u32::from_str_radix(word.get(4..)?, 16).ok())
        .flatten()
}

/// The words of letters and digits, with their places.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_letter = |c: char| c.is_ascii_alphanumeric();
    let mut at = 0;
    std::iter::from_fn(move || {
        let begin = at + text.get(at..)?.find(is_letter)?;
        let rest = text.get(begin..)?;
        let len = rest.find(|c| !is_letter(c)).unwrap_or(rest.len());
        at = begin + len;
        Some((begin, rest.get(..len)?))
    })
}

fn mentions(text: &str) -> Vec<Mention> {
    let mut mentions: Vec<Mention> = Vec::new();
    for (at, word) in words(text) {
        if mentions.len() == MENTIONS_LIMIT {
            break;
        }
        let before = text.get(..at).unwrap_or_default();
        let Some(mention) = mention(word, before) else {
            continue;
        };
        let known = mentions
            .iter_mut()
            .find(|known| known.object == mention.object);
        match known {
            None => mentions.push(mention),
            Some(known) if known.role == Role::Named => known.role = mention.role,
            Some(_) => {}
        }
    }
    mentions
}

/// The object that a word names, given what stands in front of it.
fn mention(word: &str, before: &str) -> Option<Mention> {
    let before = before.trim_end_matches([':', ' ']);
    if let Some(before) = before.strip_suffix("given the") {
        let number = ObjectNumber::new(word.parse().ok()?)?;
        let made = before.trim_end().ends_with("and");
        return made.then(|| Mention {
            object: ObjectId::queue(number),
            role: Role::QueueMade,
        });
    }
    let object: ObjectId = word.parse().ok()?;
    let ends = |phrase: &str| {
        let from = before.len().checked_sub(phrase.len());
        from.and_then(|from| before.get(from..))
            .is_some_and(|end| end.eq_ignore_ascii_case(phrase))
    };
    let role = if ["object at fault", "object id", "is on object"]
        .into_iter()
        .any(ends)
    {
        Role::AtFault
    } else if ends("referenced object") {
        Role::Referenced
    } else if class::IN_FILES.contains(&object.class()) && !object.is_none() {
        Role::Named
    } else {
        return None;
    };
    Some(Mention { object, role })
}

fn after_phrase<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    let at = text.find(phrase)?;
    text.get(at + phrase.len()..)
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

/// The first severity in brackets of either kind.
fn severity(text: &str) -> Option<u32> {
    text.split(['(', '[']).skip(1).find_map(|inside| {
        let number = leading_number(inside)?;
        let rest = inside.trim_start_matches(|c: char| c.is_ascii_digit());
        (SEVERITIES.contains(&number) && rest.starts_with([')', ']'])).then_some(number)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::catalogue::{Family, entries};

    fn at_fault(object: u32) -> Mention {
        Mention {
            object: ObjectId(object),
            role: Role::AtFault,
        }
    }

    // rule: mta:TV-15
    // rule: mta:R-REC-030
    #[test]
    fn tv_15_the_number_in_event_285_is_the_decimal_number_of_the_queue() {
        // Q163307: the id was noted as 01000034.
        let read = EventText::read(
            "A priority 1 held-for-delivery/transfer queue for /O=MICROSOFT/OU=BOND007\n\
             /CN=CONFIGURATION/CN=SERVERS/CN=DRNO/ CN=MICROSOFT PRIVATE MDB was created and\n\
             given the 52 identifier. [MTA MAIN BASE 1 213] (8)",
        )
        .unwrap();
        let [made] = read.mentions.as_slice() else {
            panic!("{read:?}")
        };
        assert_eq!(made.role, Role::QueueMade);
        assert_eq!(made.object.to_string(), "01000034");
        assert_eq!(made.object.file_name(), "DB000034.DAT");
        assert_eq!(read.severity, Some(8));
        let origin = read.origin.unwrap();
        assert_eq!(origin.to_string(), "MTA MAIN BASE 1 213");
    }

    // rule: mta:TV-16
    // rule: mta:R-DB-040
    // rule: mta:R-DB-041
    #[test]
    fn tv_16_both_forms_of_an_event_say_the_same() {
        // Q159566.
        let [log, text_log] = [
            "submitting domain identifier was inconsistent. [MTA XFER-IN 22 101] [14]",
            "(MTA XFER-IN(22) Proc 101) 10-30-96 11:44:26am\n\
             Transfer-In failure, submitting domain inconsistent",
        ]
        .map(|text| EventText::read(text).unwrap());
        assert_eq!(log.origin, text_log.origin);
        let origin = log.origin.unwrap();
        assert_eq!(origin.to_string(), "MTA XFER-IN 22 101");
        assert!(origin.advice().unwrap().contains("neighbour"));
        assert_eq!((log.severity, text_log.severity), (Some(14), None));
    }

    // rule: mta:TV-16
    // rule: mta:R-DB-042
    #[test]
    fn tv_16_a_record_of_the_text_log_names_the_object_at_fault() {
        // Q153103.
        let read = EventText::read(
            "message NMI2171: Internal Processing Error, severity 14\n\n\
             (DB Server DISP:FANOUT(12) Proc 26) 04-18-97 02:13:47pm\n\
             Error reading attribute\nCalled from MTA Proc 223\n\
             Database error code     ODXOINIU - Object does not exist\n\
             Object at fault         06000000\nAttribute identifier    28\nValue number            44\n\
             Referenced object       00000000     (00000000 => N/A)\nReferenced object error 0\n",
        )
        .unwrap();
        assert_eq!((read.number, read.severity), (Some(2171), Some(14)));
        assert_eq!(read.code, Some(("ODXOINIU", "Object does not exist")));
        let origin = read.origin.unwrap();
        assert_eq!(origin.to_string(), "DB Server DISP:FANOUT 12 26");
        assert!(origin.advice().unwrap().contains("MTADATA"));
        let referenced = Mention {
            object: ObjectId::NONE,
            role: Role::Referenced,
        };
        assert_eq!(read.mentions, [at_fault(0x0600_0000), referenced]);
        assert!(read.mentions[0].object.is_none());
    }

    // rule: mta:R-DB-042
    #[test]
    fn objects_are_found_in_all_published_words() {
        for text in [
            "Object at fault: 0600009B.",
            "Object ID: 0600009b",
            "The error is on object 0600009B [BASE DISP:FANOUT 15] (16)",
        ] {
            let read = EventText::read(text).unwrap();
            assert_eq!(read.mentions, [at_fault(0x0600_009B)], "{text}");
        }
        // An exception holds the number of the event: 0C08 is 3080.
        let read = EventText::read("exception e0050c08 [XAPI OPERATOR 41 26] (16)").unwrap();
        assert_eq!((read.number, read.severity), (Some(3080), Some(FATAL)));
        for text in [
            "",
            "128",
            "CONTROL.GLB",
            "01000034",
            "GLB/ACCESS.GLB is bad (14)",
        ] {
            assert_eq!(EventText::read(text), None, "{text}");
        }
    }

    // rule: mta:R-DB-040
    #[test]
    fn the_origin_of_published_events_is_read() {
        // A misprint, and an event with words of another program in front of the origin.
        const ODD: [&str; 2] = ["[MTA XFER-I 23", "[2474Receive"];
        let (mut seen, mut failed) = (0, Vec::new());
        for entry in entries() {
            let brackets = COMPONENTS
                .into_iter()
                .any(|name| entry.text.contains(&format!("[{name} ")));
            if entry.family != Family::MtaEvent || !brackets {
                continue;
            }
            let read = EventText::read(entry.text).unwrap_or_default();
            let sound =
                read.origin.is_some() && matches!(read.severity, Some(6 | 8 | 10 | 12 | 14 | 16));
            if !sound && !ODD.into_iter().any(|odd| entry.text.contains(odd)) {
                failed.push(entry.text);
            }
            seen += 1;
        }
        assert!(failed.is_empty(), "{failed:#?}");
        assert!(seen >= 20, "{seen}");
    }

    proptest! {
        // rule: mta:R-DB-040
        #[test]
        fn what_is_written_is_read(
            component in proptest::sample::select(&COMPONENTS[..]),
            thread in proptest::sample::select(&THREADS[..]),
            numbers in (0..1000u32, 0..1000u32, proptest::sample::select(&SEVERITIES[..])),
            before in "[a-zA-Z .,]{0,40}",
        ) {
            let (thread_number, procedure, severity) = numbers;
            let text = format!("{before}[{component} {thread} {thread_number} {procedure}] ({severity})");
            let read = EventText::read(&text).unwrap();
            prop_assert_eq!(read.severity, Some(severity));
            let origin = Origin { component, thread, thread_number, procedure: Some(procedure) };
            prop_assert_eq!(read.origin, Some(origin));
        }

        // rule: mta:R-DB-040
        #[test]
        fn any_text_is_survived(text in "\\PC{0,80}", almost in "[\\[(](MTA|BASE) (XFER-IN|RTSE)[ (0-9)\\]é]{0,12}") {
            let _ = EventText::read(&text);
            let _ = EventText::read(&almost);
        }
    }
}
