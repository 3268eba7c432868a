//! The ASN.1 types of X.411 (P1) and X.420 (P22) that occur in our messages, for crate `rasn`.
//!
//! Texts are octet strings under the tag of their string type, so that whatever a foreign message
//! holds comes back unchanged. A SET is decoded in any order and written in the order of its fields
//! here, which is the order of the standard (`rasn` itself would sort by tag).

use rasn::prelude::*;

/// Declares a SET: one struct that is written in the order of its fields, and a hidden twin that is
/// read in any order.
macro_rules! set {
    ($(#[$doc:meta])* $name:ident, $twin:ident { $($(#[$attr:meta])* $field:ident: ($($ty:tt)*),)* }) => {
        $(#[$doc])*
        #[derive(AsnType, Encode, Debug, Clone, PartialEq, Eq, Hash)]
        #[rasn(tag(universal, 17))]
        pub(crate) struct $name { $($(#[$attr])* pub(crate) $field: $($ty)*,)* }

        #[derive(AsnType, Decode, Debug, Clone, PartialEq, Eq, Hash)]
        #[rasn(set)]
        struct $twin { $($(#[$attr])* $field: $($ty)*,)* }

        impl Decode for $name {
            fn decode_with_tag_and_constraints<D: Decoder>(
                decoder: &mut D,
                tag: Tag,
                constraints: &Constraints,
            ) -> Result<Self, D::Error> {
                let twin = $twin::decode_with_tag_and_constraints(decoder, tag, constraints)?;
                Ok(Self { $($field: twin.$field,)* })
            }
        }
    };
}

/// A name or number: PrintableString or NumericString.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq, Eq, Hash)]
#[rasn(choice)]
pub(crate) enum Name {
    /// PrintableString.
    #[rasn(tag(universal, 19))]
    Printable(OctetString),
    /// NumericString.
    #[rasn(tag(universal, 18))]
    Numeric(OctetString),
}

/// GlobalDomainIdentifier.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq, Eq, Hash)]
#[rasn(tag(application, 3))]
pub(crate) struct Gdi {
    /// Country.
    #[rasn(tag(explicit(application, 1)))]
    pub(crate) country: Name,
    /// Administration domain; one blank when there is none.
    #[rasn(tag(explicit(application, 2)))]
    pub(crate) admd: Name,
    /// Private domain.
    pub(crate) prmd: Option<Name>,
}

/// MTSIdentifier of a message or a report.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq, Eq, Hash)]
#[rasn(tag(application, 4))]
pub(crate) struct MtsIdentifier {
    /// The domain that gave it.
    pub(crate) domain: Gdi,
    /// The part that the domain gave, IA5.
    #[rasn(tag(universal, 22))]
    pub(crate) local: OctetString,
}

set! {
    /// PersonalName.
    PersonalName, PersonalNameSet {
        #[rasn(tag(context, 0))]
        surname: (OctetString),
        #[rasn(tag(context, 1))]
        given: (Option<OctetString>),
        #[rasn(tag(context, 2))]
        initials: (Option<OctetString>),
        #[rasn(tag(context, 3))]
        generation: (Option<OctetString>),
    }
}

/// An organizational unit, PrintableString.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq, Eq, Hash)]
#[rasn(delegate, tag(universal, 19))]
pub(crate) struct Unit(pub(crate) OctetString);

/// BuiltInStandardAttributes.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct StandardAttributes {
    /// Country.
    #[rasn(tag(explicit(application, 1)))]
    pub(crate) country: Option<Name>,
    /// Administration domain.
    #[rasn(tag(explicit(application, 2)))]
    pub(crate) admd: Option<Name>,
    /// Network address.
    #[rasn(tag(context, 0))]
    pub x121: Option<OctetString>,
    /// Terminal.
    #[rasn(tag(context, 1))]
    pub(crate) terminal: Option<OctetString>,
    /// Private domain.
    #[rasn(tag(explicit(context, 2)))]
    pub(crate) prmd: Option<Name>,
    /// Organization.
    #[rasn(tag(context, 3))]
    pub(crate) organization: Option<OctetString>,
    /// Numeric user identifier.
    #[rasn(tag(context, 4))]
    pub(crate) numeric_user: Option<OctetString>,
    /// Personal name.
    #[rasn(tag(context, 5))]
    pub(crate) personal: Option<PersonalName>,
    /// Organizational units.
    #[rasn(tag(context, 6))]
    pub(crate) units: Option<Vec<Unit>>,
}

/// One domain-defined attribute.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct DomainDefined {
    /// Its type, for example `MS`.
    #[rasn(tag(universal, 19))]
    pub(crate) kind: OctetString,
    /// Its value.
    #[rasn(tag(universal, 19))]
    pub(crate) value: OctetString,
}

/// ORName.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq, Eq, Hash)]
#[rasn(tag(application, 0))]
pub(crate) struct OrNameBer {
    /// Standard attributes.
    pub(crate) standard: StandardAttributes,
    /// Domain-defined attributes.
    pub(crate) domain_defined: Option<Vec<DomainDefined>>,
}

set! {
    /// EncodedInformationTypes.
    EncodedTypes, EncodedTypesSet {
        #[rasn(tag(context, 0))]
        bits: (BitString),
    }
}

/// One extension.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Extension {
    /// Number of a standard extension.
    #[rasn(tag(context, 0))]
    pub(crate) number: Option<i64>,
    /// Object identifier of a private one.
    #[rasn(tag(context, 3))]
    pub(crate) private: Option<ObjectIdentifier>,
    /// For what it is critical.
    #[rasn(tag(context, 1))]
    pub(crate) criticality: Option<BitString>,
    /// Its value.
    #[rasn(tag(explicit(context, 2)))]
    pub(crate) value: Option<Any>,
}

set! {
    /// What a domain did with a message.
    TraceInfo, TraceInfoSet {
        #[rasn(tag(context, 0))]
        arrival: (OctetString),
        #[rasn(tag(context, 2))]
        action: (i64),
        attempted: (Option<Gdi>),
        #[rasn(tag(context, 1))]
        deferred: (Option<OctetString>),
        #[rasn(tag(application, 5))]
        converted: (Option<EncodedTypes>),
        #[rasn(tag(context, 3))]
        other: (Option<BitString>),
    }
}

/// One element of the trace.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TraceElement {
    /// The domain.
    pub(crate) domain: Gdi,
    /// What it did.
    pub(crate) info: TraceInfo,
}

set! {
    /// PerRecipientMessageTransferFields.
    RecipientFields, RecipientFieldsSet {
        name: (OrNameBer),
        #[rasn(tag(context, 0))]
        number: (i64),
        #[rasn(tag(context, 1))]
        indicators: (BitString),
        #[rasn(tag(context, 2))]
        conversion: (Option<i64>),
        #[rasn(tag(context, 3))]
        extensions: (Option<Vec<Extension>>),
    }
}

set! {
    /// MessageTransferEnvelope.
    Envelope, EnvelopeSet {
        id: (MtsIdentifier),
        originator: (OrNameBer),
        #[rasn(tag(application, 5))]
        encoded_types: (Option<EncodedTypes>),
        #[rasn(tag(application, 6))]
        content_type: (Option<i64>),
        #[rasn(tag(universal, 6))]
        content_oid: (Option<ObjectIdentifier>),
        #[rasn(tag(application, 10))]
        content_id: (Option<OctetString>),
        #[rasn(tag(application, 7))]
        priority: (Option<OctetString>),
        #[rasn(tag(application, 8))]
        indicators: (Option<BitString>),
        #[rasn(tag(context, 0))]
        deferred: (Option<OctetString>),
        #[rasn(tag(application, 9))]
        trace: (Vec<TraceElement>),
        #[rasn(tag(context, 3))]
        extensions: (Option<Vec<Extension>>),
        #[rasn(tag(context, 2))]
        recipients: (Vec<RecipientFields>),
    }
}

/// A message: envelope and content.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Message {
    /// The envelope.
    pub(crate) envelope: Envelope,
    /// The content, an [`InformationObject`] when the content type is 2 or 22.
    pub(crate) content: OctetString,
}

set! {
    /// ReportTransferEnvelope.
    ReportEnvelope, ReportEnvelopeSet {
        id: (MtsIdentifier),
        destination: (OrNameBer),
        #[rasn(tag(application, 9))]
        trace: (Vec<TraceElement>),
        #[rasn(tag(context, 1))]
        extensions: (Option<Vec<Extension>>),
    }
}

set! {
    /// A delivery.
    Delivered, DeliveredSet {
        #[rasn(tag(context, 0))]
        time: (OctetString),
        #[rasn(tag(context, 1))]
        user_type: (Option<i64>),
    }
}

set! {
    /// A non-delivery.
    NonDelivered, NonDeliveredSet {
        #[rasn(tag(context, 0))]
        reason: (i64),
        #[rasn(tag(context, 1))]
        diagnostic: (Option<i64>),
    }
}

/// What became of a message for one recipient.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq, Eq, Hash)]
#[rasn(choice)]
pub(crate) enum ReportType {
    /// Delivered.
    #[rasn(tag(context, 0))]
    Delivered(Delivered),
    /// Not delivered.
    #[rasn(tag(context, 1))]
    NonDelivered(NonDelivered),
}

set! {
    /// LastTraceInformation.
    LastTrace, LastTraceSet {
        #[rasn(tag(context, 0))]
        arrival: (OctetString),
        #[rasn(tag(application, 5))]
        converted: (Option<EncodedTypes>),
        #[rasn(tag(explicit(context, 1)))]
        report: (ReportType),
    }
}

set! {
    /// PerRecipientReportTransferFields.
    ReportRecipient, ReportRecipientSet {
        #[rasn(tag(context, 0))]
        actual: (OrNameBer),
        #[rasn(tag(context, 1))]
        number: (i64),
        #[rasn(tag(context, 2))]
        indicators: (BitString),
        #[rasn(tag(context, 3))]
        last_trace: (LastTrace),
        #[rasn(tag(context, 4))]
        intended: (Option<OrNameBer>),
        #[rasn(tag(context, 5))]
        supplementary: (Option<OctetString>),
        #[rasn(tag(context, 6))]
        extensions: (Option<Vec<Extension>>),
    }
}

set! {
    /// ReportTransferContent.
    ReportContent, ReportContentSet {
        subject: (MtsIdentifier),
        #[rasn(tag(application, 9))]
        trace: (Option<Vec<TraceElement>>),
        #[rasn(tag(application, 5))]
        encoded_types: (Option<EncodedTypes>),
        #[rasn(tag(application, 6))]
        content_type: (Option<i64>),
        #[rasn(tag(universal, 6))]
        content_oid: (Option<ObjectIdentifier>),
        #[rasn(tag(application, 10))]
        content_id: (Option<OctetString>),
        #[rasn(tag(context, 1))]
        returned: (Option<OctetString>),
        #[rasn(tag(context, 3))]
        extensions: (Option<Vec<Extension>>),
        #[rasn(tag(context, 0))]
        recipients: (Vec<ReportRecipient>),
    }
}

/// A report: envelope and content.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Report {
    /// The envelope.
    pub(crate) envelope: ReportEnvelope,
    /// The content.
    pub(crate) content: ReportContent,
}

/// What two MTAs exchange (MTS-APDU).
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq, Eq, Hash)]
#[rasn(choice)]
pub(crate) enum Apdu {
    /// A message.
    #[rasn(tag(context, 0))]
    Message(Message),
    /// A report.
    #[rasn(tag(context, 1))]
    Report(Report),
}

set! {
    /// IPMIdentifier.
    IpmIdentifier, IpmIdentifierSet {
        user: (Option<OrNameBer>),
        #[rasn(tag(universal, 19))]
        local: (OctetString),
    }
}

set! {
    /// ORDescriptor.
    OrDescriptor, OrDescriptorSet {
        name: (Option<OrNameBer>),
        #[rasn(tag(context, 0))]
        free_form: (Option<OctetString>),
        #[rasn(tag(context, 1))]
        telephone: (Option<OctetString>),
    }
}

set! {
    /// RecipientSpecifier.
    RecipientSpecifier, RecipientSpecifierSet {
        #[rasn(tag(context, 0))]
        recipient: (OrDescriptor),
        #[rasn(tag(context, 1))]
        notification: (Option<BitString>),
        #[rasn(tag(context, 2))]
        reply: (Option<bool>),
    }
}

/// A subject: TeletexString.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq, Eq, Hash)]
#[rasn(delegate, tag(universal, 20))]
pub(crate) struct Subject(pub(crate) OctetString);

set! {
    /// Heading of an interpersonal message.
    Heading, HeadingSet {
        #[rasn(tag(application, 11))]
        this: (IpmIdentifier),
        #[rasn(tag(context, 0))]
        originator: (Option<OrDescriptor>),
        #[rasn(tag(context, 1))]
        authorizing: (Option<Vec<OrDescriptor>>),
        #[rasn(tag(context, 2))]
        primary: (Option<Vec<RecipientSpecifier>>),
        #[rasn(tag(context, 3))]
        copy: (Option<Vec<RecipientSpecifier>>),
        #[rasn(tag(context, 4))]
        blind: (Option<Vec<RecipientSpecifier>>),
        #[rasn(tag(context, 5))]
        replied_to: (Option<IpmIdentifier>),
        #[rasn(tag(explicit(context, 8)))]
        subject: (Option<Subject>),
        #[rasn(tag(context, 9))]
        expiry: (Option<OctetString>),
        #[rasn(tag(context, 10))]
        reply_time: (Option<OctetString>),
        #[rasn(tag(context, 12))]
        importance: (Option<OctetString>),
        #[rasn(tag(context, 13))]
        sensitivity: (Option<OctetString>),
        #[rasn(tag(context, 14))]
        auto_forwarded: (Option<bool>),
    }
}

set! {
    /// Parameters of an ia5-text part.
    Ia5Parameters, Ia5ParametersSet {
        #[rasn(tag(context, 0))]
        repertoire: (Option<i64>),
    }
}

/// An ia5-text part.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Ia5Text {
    /// Its parameters.
    pub(crate) parameters: Ia5Parameters,
    /// Its text.
    #[rasn(tag(universal, 22))]
    pub(crate) text: OctetString,
}

/// A part of the body.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq, Eq, Hash)]
#[rasn(choice)]
pub(crate) enum BodyPart {
    /// Text.
    #[rasn(tag(context, 0))]
    Ia5(Ia5Text),
    /// The bytes of a file, as in 1984.
    #[rasn(tag(context, 14))]
    Bilateral(OctetString),
}

/// An interpersonal message.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Ipm {
    /// Its heading.
    pub(crate) heading: Heading,
    /// Its body.
    pub(crate) body: Vec<BodyPart>,
}

set! {
    /// Fields of a non-receipt.
    NonReceipt, NonReceiptSet {
        #[rasn(tag(context, 0))]
        reason: (i64),
        #[rasn(tag(context, 1))]
        discard_reason: (Option<i64>),
    }
}

set! {
    /// Fields of a receipt.
    Receipt, ReceiptSet {
        #[rasn(tag(context, 0))]
        time: (OctetString),
        #[rasn(tag(context, 1))]
        mode: (Option<i64>),
    }
}

/// What a notification tells.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq, Eq, Hash)]
#[rasn(choice)]
pub(crate) enum Notification {
    /// Not received: discarded or forwarded.
    #[rasn(tag(context, 0))]
    NonReceipt(NonReceipt),
    /// Received.
    #[rasn(tag(context, 1))]
    Receipt(Receipt),
}

set! {
    /// An interpersonal notification.
    Ipn, IpnSet {
        #[rasn(tag(application, 11))]
        subject: (IpmIdentifier),
        #[rasn(tag(context, 1))]
        originator: (Option<OrDescriptor>),
        #[rasn(tag(context, 2))]
        intended: (Option<OrDescriptor>),
        #[rasn(tag(explicit(context, 0)))]
        what: (Notification),
    }
}

/// Content of type P2 or P22.
#[derive(AsnType, Encode, Decode, Debug, Clone, PartialEq, Eq, Hash)]
#[rasn(choice)]
pub(crate) enum InformationObject {
    /// A message.
    #[rasn(tag(context, 0))]
    Ipm(Ipm),
    /// A notification.
    #[rasn(tag(context, 1))]
    Ipn(Ipn),
}
