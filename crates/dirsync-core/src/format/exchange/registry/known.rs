//! The values of the agent's key: what each does, by default, for how long, and since when.

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// REG_SZ.
    Text,
    /// REG_EXPAND_SZ.
    Expand,
    /// REG_DWORD.
    Number,
    /// REG_MULTI_SZ.
    List,
    /// REG_BINARY.
    Binary,
    /// Another one, by its number.
    Other(u8),
}

impl ValueType {
    /// The registry's word, for example `REG_DWORD`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "REG_SZ",
            Self::Expand => "REG_EXPAND_SZ",
            Self::Number => "REG_DWORD",
            Self::List => "REG_MULTI_SZ",
            Self::Binary => "REG_BINARY",
            Self::Other(_) => "another type",
        }
    }
}

/// What holds when a value is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// Nothing happens.
    Nothing,
    /// As if it were this number.
    Number(u32),
    /// As if it were this text.
    Text(&'static str),
}

/// How long a value stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Until somebody removes it.
    Permanent,
    /// The agent removes it when it has acted on it.
    Consumed,
}

/// A value that the agent knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownValue {
    /// Its name.
    pub name: &'static str,
    /// Whether another case of letters is another value (documented for one of them).
    pub case_sensitive: bool,
    /// Its type.
    pub value_type: ValueType,
    /// Whether no article says the type (ASSIGNED then).
    pub type_assigned: bool,
    /// What holds without it.
    pub absent: Absent,
    /// What it does, in a sentence.
    pub effect: &'static str,
    /// How long it stays.
    pub lifetime: Lifetime,
    /// The versions that know it, in words.
    pub versions: &'static str,
    /// The articles.
    pub sources: &'static [&'static str],
}

const fn value(
    name: &'static str,
    value_type: ValueType,
    effect: &'static str,
    versions: &'static str,
    sources: &'static [&'static str],
) -> KnownValue {
    KnownValue {
        name,
        case_sensitive: false,
        value_type,
        type_assigned: false,
        absent: Absent::Nothing,
        effect,
        lifetime: Lifetime::Permanent,
        versions,
        sources,
    }
}

/// The values of the key MSExchangeDX. The name of the one about the braces of MHS addresses (Q157689) was
/// never published: ours is ASSIGNED.
pub static KNOWN: [KnownValue; 13] = [
    value(
        "PauseKicksDX",
        ValueType::Number,
        "1: pausing the service runs a cycle",
        "4.0, and 5.0 upgraded from 4.0",
        &["Q146738", "Q147464", "Q148309"],
    ),
    KnownValue {
        lifetime: Lifetime::Consumed,
        ..value(
            "ResyncConnectionRDNs",
            ValueType::List,
            "names of requestors for whom RESYNC.GLB is written at the next start",
            "all",
            &["Q150976", "Q156063"],
        )
    },
    KnownValue {
        absent: Absent::Number(0),
        ..value(
            "GlobalMaxSeqInResync",
            ValueType::Number,
            "1: the numbers in RESYNC.GLB are the highest of all requestors, 0: of those named",
            "5.5 SP3 (5.5.2524) and later",
            &["Q215505"],
        )
    },
    KnownValue {
        case_sensitive: true,
        absent: Absent::Number(1),
        ..value(
            "Unique Display Names",
            ValueType::Number,
            "0: 001 is added to a name only when it collides inside one postoffice",
            "4.0 SP2, 5.0 SP1 and later",
            &["Q146676", "Q166545", "Q192514"],
        )
    },
    KnownValue {
        absent: Absent::Number(0),
        ..value(
            "RequireValidImpFrom",
            ValueType::Number,
            "1: custom recipients of type MS that nobody imported are not sent",
            "4.0 with its fix and later",
            &["Q156996"],
        )
    },
    value(
        "Requestors Used To Import From",
        ValueType::List,
        "further requestors whose recipients a delete or modify may touch",
        "4.0 and 5.0 with their service packs, and later",
        &["Q155727"],
    ),
    KnownValue {
        type_assigned: true,
        ..value(
            "SMTPDomain",
            ValueType::Text,
            "turns the address map on; domain of proxies the map does not name",
            "4.0 and later",
            &["Q140951", "Q192023"],
        )
    },
    value(
        "AddressMappingFileName",
        ValueType::Text,
        "path of the file that maps postoffices to domains",
        "4.0 and later",
        &["Q140951", "Q192023"],
    ),
    KnownValue {
        type_assigned: true,
        ..value(
            "SMTPPrimaryProxy",
            ValueType::Number,
            "3: only the proxy of the address map is made",
            "4.0 SP2 and later",
            &["Q140951"],
        )
    },
    KnownValue {
        absent: Absent::Number(0),
        ..value(
            "Unique SMTP for AddrMap",
            ValueType::Number,
            "1: a mapped address that is taken gets a number, 0: the recipient is not made",
            "5.0 SP2 (5.0.2358) and later",
            &["Q192023"],
        )
    },
    KnownValue {
        type_assigned: true,
        absent: Absent::Number(0),
        ..value(
            "MHS Names From Braces",
            ValueType::Number,
            "1: alias and proxies of an MHS address come from the address in its braces",
            "4.0 SP4 and later (the name is ours, none was published)",
            &["Q157689"],
        )
    },
    KnownValue {
        absent: Absent::Text(r"..\Dxadata"),
        ..value(
            "DXADataPath",
            ValueType::Text,
            "where the agent's files are",
            "5.0 with its fix, 5.5 SP1 and later",
            &["Q185504"],
        )
    },
    KnownValue {
        absent: Absent::Number(2),
        ..value(
            "Start",
            ValueType::Number,
            "start type of the service: 2 automatic, 3 manual, 4 disabled",
            "all",
            &["Q176566"],
        )
    },
];

/// The value of a name; case counts only where it is documented to.
#[must_use]
pub fn known(name: &str) -> Option<&'static KnownValue> {
    KNOWN.iter().find(|value| {
        if value.case_sensitive {
            value.name == name
        } else {
            value.name.eq_ignore_ascii_case(name)
        }
    })
}
