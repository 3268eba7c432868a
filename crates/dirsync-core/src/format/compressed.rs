//! The container of a compressed attachment of the agent (decisions 2.17).
//!
//! That the agent compresses its mail is DOCUMENTED (Q140946); algorithm and container never were:
//! all bytes are ASSIGNED. One FIPS PUB 98 Compressed element, whose first two octets tell it apart
//! from records and text:
//!
//! | Off | Size | Content |
//! |---|---|---|
//! | 0 | 2 | `46 84` Compressed, length in four octets |
//! | 2 | 4 | length of what follows, high octet first |
//! | 6 | 1 | `00` algorithm unspecified |
//! | 7 | 2 | `43 84` Bit-String, length in four octets |
//! | 9 | 4 | length of what follows, high octet first |
//! | 13 | 1 | `00` no unused bits |
//! | 14 | 4 | size before compression, u32 |
//! | 18 | 4 | CRC-32 of the original bytes, u32 |
//! | 22 | - | zlib stream (RFC 1950) |
//!
//! [`Expander`] takes the bytes in pieces and hands the original on in pieces; it never holds or
//! hands on more than the stated size, and that is bounded.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::base::{DecodeError, DecodeErrorKind};

/// Bytes in front of the zlib stream.
pub const CONTAINER_HEAD_LEN_BYTES: usize = 22;
/// Most bytes a container may claim to hold: 1 GiB.
pub const EXPANDED_MAX_BYTES: u32 = 1 << 30;
/// Most bytes that one compressed byte may stand for.
pub const RATIO_MAX: u64 = 1000;

const WHAT: &str = "compressed attachment";
const PIECE_LEN_BYTES: usize = 32 * 1024;

/// Whether an attachment begins like a container.
#[must_use]
pub fn is_compressed(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x46, 0x84])
}

/// Why expanding failed. The message it belongs to fails, nothing else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError<E> {
    /// The container is damaged or beyond the limits.
    #[error(transparent)]
    Damaged(DecodeError),
    /// Whoever takes the bytes refused them.
    #[error("the expanded bytes could not be taken")]
    Sink(E),
}

/// Makes a container from pieces of the original.
#[derive(Debug)]
pub struct Compressor {
    stream: Compress,
    crc: crc32fast::Hasher,
    size: u64,
    out: Vec<u8>,
}

impl Default for Compressor {
    fn default() -> Self {
        Self::new()
    }
}

impl Compressor {
    /// An empty container.
    #[must_use]
    pub fn new() -> Self {
        Self {
            stream: Compress::new(Compression::default(), true),
            crc: crc32fast::Hasher::new(),
            size: 0,
            out: vec![0; CONTAINER_HEAD_LEN_BYTES],
        }
    }

    /// Adds a piece of the original.
    ///
    /// # Errors
    /// More than 1 GiB in all.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), DecodeError> {
        self.size += piece.len() as u64;
        if self.size > u64::from(EXPANDED_MAX_BYTES) {
            return Err(too_large(self.size));
        }
        self.crc.update(piece);
        self.run(piece, FlushCompress::None)
    }

    /// The whole container.
    ///
    /// # Errors
    /// A ratio of compression that a reader would refuse: send it as it is.
    pub fn finish(mut self) -> Result<Vec<u8>, DecodeError> {
        self.run(&[], FlushCompress::Finish)?;
        check_ratio(
            self.size,
            (self.out.len() - CONTAINER_HEAD_LEN_BYTES) as u64,
        )?;
        let (outer, inner) = (self.out.len() - 6, self.out.len() - 13);
        let length = |value: usize| {
            u32::try_from(value)
                .map_err(|_| too_large(value as u64))
                .map(u32::to_be_bytes)
        };
        let size = u32::try_from(self.size).map_err(|_| too_large(self.size))?;
        let head = &mut self.out[..CONTAINER_HEAD_LEN_BYTES];
        head[..2].copy_from_slice(&[0x46, 0x84]);
        head[2..6].copy_from_slice(&length(outer)?);
        head[7..9].copy_from_slice(&[0x43, 0x84]);
        head[9..13].copy_from_slice(&length(inner)?);
        head[14..18].copy_from_slice(&size.to_le_bytes());
        head[18..22].copy_from_slice(&self.crc.finalize().to_le_bytes());
        Ok(self.out)
    }

    fn run(&mut self, mut input: &[u8], flush: FlushCompress) -> Result<(), DecodeError> {
        loop {
            self.out.reserve(PIECE_LEN_BYTES);
            let before = self.stream.total_in();
            let status = self
                .stream
                .compress_vec(input, &mut self.out, flush)
                .map_err(|_| damaged(0, "the bytes cannot be compressed"))?;
            let used = usize::try_from(self.stream.total_in() - before).unwrap_or(usize::MAX);
            input = input.get(used..).unwrap_or_default();
            let done = match flush {
                FlushCompress::Finish => status == Status::StreamEnd,
                _ => input.is_empty(),
            };
            if done {
                return Ok(());
            }
        }
    }
}

/// A container of `original`.
///
/// # Errors
/// More than 1 GiB.
pub fn compress(original: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut compressor = Compressor::new();
    compressor.push(original)?;
    compressor.finish()
}

/// Takes a container in pieces, hands the original on in pieces.
#[derive(Debug)]
pub struct Expander {
    head: Vec<u8>,
    stream: Decompress,
    crc: crc32fast::Hasher,
    /// Bytes of the container taken so far.
    taken: u64,
    stream_len: u64,
    size: u32,
    stored_crc: u32,
    expanded: u64,
    ended: bool,
}

impl Default for Expander {
    fn default() -> Self {
        Self::new()
    }
}

impl Expander {
    /// Waits for the first piece.
    #[must_use]
    pub fn new() -> Self {
        Self {
            head: Vec::with_capacity(CONTAINER_HEAD_LEN_BYTES),
            stream: Decompress::new(true),
            crc: crc32fast::Hasher::new(),
            taken: 0,
            stream_len: 0,
            size: 0,
            stored_crc: 0,
            expanded: 0,
            ended: false,
        }
    }

    /// Takes a piece of the container; what it stands for goes to `sink` in pieces of 32 KiB at
    /// most. What was handed on is only known to be right when [`Self::finish`] has said so.
    ///
    /// # Errors
    /// Damage, a limit, or what `sink` says. Do not go on after an error.
    pub fn push<E>(
        &mut self,
        piece: &[u8],
        sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), ExpandError<E>> {
        let missing = CONTAINER_HEAD_LEN_BYTES - self.head.len();
        let (head, mut input) = piece.split_at(missing.min(piece.len()));
        if !head.is_empty() {
            self.head.extend_from_slice(head);
            self.taken += head.len() as u64;
            if self.head.len() == CONTAINER_HEAD_LEN_BYTES {
                self.read_head().map_err(ExpandError::Damaged)?;
            }
        }
        if input.is_empty() {
            return Ok(());
        }
        self.taken += input.len() as u64;
        if self.taken - CONTAINER_HEAD_LEN_BYTES as u64 > self.stream_len || self.ended {
            return Err(ExpandError::Damaged(damaged(
                self.taken,
                "bytes follow the container",
            )));
        }
        let mut out = [0; PIECE_LEN_BYTES];
        loop {
            let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
            let status = self
                .stream
                .decompress(input, &mut out, FlushDecompress::None)
                .map_err(|_| {
                    ExpandError::Damaged(damaged(self.taken, "the zlib stream is damaged"))
                })?;
            let used = usize::try_from(self.stream.total_in() - before_in).unwrap_or(usize::MAX);
            let made = usize::try_from(self.stream.total_out() - before_out).unwrap_or(usize::MAX);
            input = input.get(used..).unwrap_or_default();
            let made = &out[..made.min(out.len())];
            self.expanded += made.len() as u64;
            if self.expanded > u64::from(self.size) {
                let why = "the zlib stream holds more than the stated size";
                return Err(ExpandError::Damaged(damaged(14, why)));
            }
            if !made.is_empty() {
                self.crc.update(made);
                sink(made).map_err(ExpandError::Sink)?;
            }
            if status == Status::StreamEnd {
                self.ended = true;
                if !input.is_empty() {
                    let why = "bytes follow the zlib stream";
                    return Err(ExpandError::Damaged(damaged(self.taken, why)));
                }
                return Ok(());
            }
            if used == 0 && made.is_empty() {
                return Ok(());
            }
        }
    }

    /// Whether everything was there and right; answers the size of the original.
    ///
    /// # Errors
    /// A container that is cut off, another size or another checksum than stated.
    pub fn finish(self) -> Result<u32, DecodeError> {
        if self.head.len() < CONTAINER_HEAD_LEN_BYTES {
            let (needed, found) = (CONTAINER_HEAD_LEN_BYTES as u64, self.head.len() as u64);
            return Err(DecodeError::new(
                WHAT,
                0,
                DecodeErrorKind::TooShort(needed, found),
            ));
        }
        let needed = CONTAINER_HEAD_LEN_BYTES as u64 + self.stream_len;
        if !self.ended || self.taken < needed {
            let kind = DecodeErrorKind::TooShort(needed, self.taken);
            return Err(DecodeError::new(WHAT, self.taken, kind));
        }
        if self.expanded != u64::from(self.size) {
            return Err(damaged(
                14,
                "the zlib stream holds less than the stated size",
            ));
        }
        let computed = self.crc.finalize();
        if computed != self.stored_crc {
            let kind = DecodeErrorKind::BadChecksum(self.stored_crc, computed);
            return Err(DecodeError::new(WHAT, 18, kind));
        }
        Ok(self.size)
    }

    fn read_head(&mut self) -> Result<(), DecodeError> {
        let four = |at: usize| {
            [
                self.head[at],
                self.head[at + 1],
                self.head[at + 2],
                self.head[at + 3],
            ]
        };
        if !is_compressed(&self.head) || self.head[7..9] != [0x43, 0x84] {
            return Err(DecodeError::new(WHAT, 0, DecodeErrorKind::BadMagic));
        }
        if self.head[6] != 0 || self.head[13] != 0 {
            return Err(DecodeError::new(
                WHAT,
                6,
                DecodeErrorKind::BadField("qualifier"),
            ));
        }
        let (outer, inner) = (u32::from_be_bytes(four(2)), u32::from_be_bytes(four(9)));
        if outer.checked_sub(inner) != Some(7) || inner < 9 {
            return Err(DecodeError::new(
                WHAT,
                2,
                DecodeErrorKind::BadField("length"),
            ));
        }
        let stream_len = u64::from(inner - 9);
        let size = u32::from_le_bytes(four(14));
        if size > EXPANDED_MAX_BYTES {
            return Err(too_large(u64::from(size)));
        }
        check_ratio(u64::from(size), stream_len)?;
        self.stored_crc = u32::from_le_bytes(four(18));
        self.stream_len = stream_len;
        self.size = size;
        Ok(())
    }
}

/// The original of a container that is all in memory, refused when it is larger than `max_bytes`.
///
/// # Errors
/// Damage or a limit.
pub fn expand(container: &[u8], max_bytes: usize) -> Result<Vec<u8>, DecodeError> {
    let mut out = Vec::new();
    let mut expander = Expander::new();
    let mut sink = |made: &[u8]| -> Result<(), ()> {
        if made.len() > max_bytes - out.len() {
            return Err(());
        }
        out.extend_from_slice(made);
        Ok(())
    };
    expander
        .push(container, &mut sink)
        .map_err(|error| match error {
            ExpandError::Damaged(error) => error,
            ExpandError::Sink(_) => {
                let (limit, found) = (max_bytes as u64, u64::from(expander.size));
                DecodeError::new(
                    WHAT,
                    14,
                    DecodeErrorKind::Limit("the expanded size", limit, found),
                )
            }
        })?;
    expander.finish()?;
    Ok(out)
}

fn check_ratio(size: u64, stream_len: u64) -> Result<(), DecodeError> {
    if size <= stream_len.saturating_mul(RATIO_MAX) {
        return Ok(());
    }
    let ratio = size.checked_div(stream_len).unwrap_or(u64::MAX);
    let kind = DecodeErrorKind::Limit("the ratio of compression", RATIO_MAX, ratio);
    Err(DecodeError::new(WHAT, 14, kind))
}

fn damaged(offset: u64, why: &'static str) -> DecodeError {
    DecodeError::new(WHAT, offset, DecodeErrorKind::BadText(why))
}

fn too_large(size: u64) -> DecodeError {
    let limit = u64::from(EXPANDED_MAX_BYTES);
    DecodeError::new(
        WHAT,
        14,
        DecodeErrorKind::Limit("the expanded size", limit, size),
    )
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::format::fips98::{self, Reader, id};
    use proptest::prelude::*;

    // rule: dec:2.17
    // rule: dec:DEC-066
    #[test]
    fn a_container_is_a_compressed_element_of_the_standard() {
        let original = b"A able\tPCM:NET/PO/able\r\n".repeat(1000);
        let container = compress(&original).unwrap();
        assert!(is_compressed(&container));
        assert!(container.len() < original.len() / 20);
        let element = Reader::new(&container).next().unwrap().unwrap();
        assert_eq!(element.encoded, container);
        assert!(element.is(id::COMPRESSED, 0));
        let bits = element.children().next().unwrap().unwrap();
        let (octets, count) = bits.bit_string().unwrap();
        assert_eq!(count, octets.len() as u64 * 8);
        assert_eq!(octets[..4], 24_000u32.to_le_bytes());
        assert_eq!(octets[4..8], crc32fast::hash(&original).to_le_bytes());
        assert_eq!(octets[8], 0x78, "a zlib stream");
        assert!(fips98::canonical(&container).is_ok());
        assert_eq!(expand(&container, 24_000).unwrap(), original);
        assert!(expand(&container, 23_999).is_err());
    }

    // rule: dec:2.17
    #[test]
    fn sizes_and_ratios_beyond_the_limits_are_refused_before_anything_is_expanded() {
        let mut container = compress(&[b'x'; 100]).unwrap();
        container[14..18].copy_from_slice(&1_000_000u32.to_le_bytes());
        let mut none = |_: &[u8]| -> Result<(), Infallible> { panic!("nothing is handed on") };
        assert!(matches!(
            Expander::new().push(&container, &mut none),
            Err(ExpandError::Damaged(DecodeError {
                kind: DecodeErrorKind::Limit(..),
                ..
            }))
        ));
        container[14..18].copy_from_slice(&(EXPANDED_MAX_BYTES + 1).to_le_bytes());
        assert!(Expander::new().push(&container, &mut none).is_err());
        // Neither is such a container made.
        assert!(compress(&vec![0; 3_000_000]).is_err());
    }

    // rule: dec:2.17
    #[test]
    fn a_reader_never_hands_on_more_than_the_stated_size() {
        let mut container = compress(&[b'x'; 100]).unwrap();
        container[14] = 99;
        let mut handed = 0;
        let mut sink = |made: &[u8]| -> Result<(), Infallible> {
            handed += made.len();
            Ok(())
        };
        assert!(Expander::new().push(&container, &mut sink).is_err());
        assert!(handed <= 99);
        container[14] = 101;
        assert!(expand(&container, 1000).is_err());
    }

    // rule: dec:2.17
    #[test]
    fn a_sink_can_refuse() {
        let container = compress(b"text").unwrap();
        let mut sink = |_: &[u8]| Err("disk full");
        let error = Expander::new().push(&container, &mut sink).unwrap_err();
        assert_eq!(error, ExpandError::Sink("disk full"));
    }

    proptest! {
        // rule: dec:2.17
        #[test]
        fn any_bytes_survive_in_any_pieces(
            original in proptest::collection::vec(any::<u8>(), 0..3000),
            piece in 1usize..500,
        ) {
            let mut compressor = Compressor::new();
            for piece in original.chunks(piece) {
                compressor.push(piece).unwrap();
            }
            let container = compressor.finish().unwrap();
            prop_assert_eq!(expand(&container, original.len()).unwrap(), original.clone());
            let mut expander = Expander::new();
            let mut out = Vec::new();
            for piece in container.chunks(piece) {
                let mut sink = |made: &[u8]| -> Result<(), Infallible> {
                    out.extend_from_slice(made);
                    Ok(())
                };
                expander.push(piece, &mut sink).unwrap();
            }
            prop_assert_eq!(expander.finish().unwrap() as usize, original.len());
            prop_assert_eq!(out, original);
        }

        // rule: dec:2.17
        #[test]
        fn no_changed_bit_changes_the_original(
            original in proptest::collection::vec(any::<u8>(), 0..300),
            at: proptest::sample::Index, bit in 0u8..8, cut: proptest::sample::Index,
        ) {
            let container = compress(&original).unwrap();
            let mut changed = container.clone();
            let at = at.index(container.len());
            changed[at] ^= 1 << bit;
            if let Ok(expanded) = expand(&changed, 10_000) {
                // Only bits of zlib that say nothing about the contents may differ.
                prop_assert!(at >= 22);
                prop_assert_eq!(expanded, original);
            }
            prop_assert!(expand(&container[..cut.index(container.len())], 10_000).is_err());
            let longer = [&container[..], b"x"].concat();
            prop_assert!(expand(&longer, 10_000).is_err());
        }

        // rule: dec:2.17
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = expand(&bytes, 10_000);
        }
    }
}
