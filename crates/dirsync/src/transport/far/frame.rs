//! Frames between the two processes of a link.
//!
//! | Off | Size | What |
//! |---|---|---|
//! | 0 | 4 | `DSF1` |
//! | 4 | 4 | u32 length of the JSON document |
//! | 8 | 4 | u32 number of blobs |
//! | 12 | n | the JSON document |
//! | 12+n | 4 + m | each blob: u32 length, bytes |
//!
//! Integers little-endian. Blobs are the parts of the parcels, in order. All of it is ASSIGNED and
//! lives no longer than the two processes. Lengths are checked against limits, and memory grows with
//! the bytes that come, not with what a length claims.

use std::io::{self, Read, Write};

use super::super::link::Parcel;
use super::protocol::{Reply, Request};

const MAGIC: [u8; 4] = *b"DSF1";
/// Longest JSON document, in bytes.
const JSON_LIMIT: u32 = 64 << 20;
/// Most blobs of one frame.
const BLOBS_LIMIT: u32 = 1_000_000;
/// Most bytes of all blobs of one frame.
const BLOB_BYTES_LIMIT: u64 = 1 << 30;

fn bad(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn write_frame(to: &mut impl Write, json: &[u8], parcels: &[Parcel]) -> io::Result<()> {
    let blobs: Vec<&Vec<u8>> = parcels.iter().flat_map(|parcel| &parcel.parts).collect();
    let len = |n: usize| u32::try_from(n).map_err(|_| bad("a frame is too long"));
    if len(json.len())? > JSON_LIMIT || len(blobs.len())? > BLOBS_LIMIT {
        return Err(bad("a frame is too long"));
    }
    to.write_all(&MAGIC)?;
    to.write_all(&len(json.len())?.to_le_bytes())?;
    to.write_all(&len(blobs.len())?.to_le_bytes())?;
    to.write_all(json)?;
    for blob in blobs {
        to.write_all(&len(blob.len())?.to_le_bytes())?;
        to.write_all(blob)?;
    }
    to.flush()
}

fn read_u32(from: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn read_bytes(from: &mut impl Read, len: u32) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let n = from.take(u64::from(len)).read_to_end(&mut bytes)?;
    if n as u64 == u64::from(len) {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// The JSON document and the blobs.
type Frame = (Vec<u8>, Vec<Vec<u8>>);

/// The next frame; `None` when the other side has closed between two frames.
fn read_frame(from: &mut impl Read) -> io::Result<Option<Frame>> {
    let mut magic = [0; 4];
    match from.read(&mut magic[..1])? {
        0 => return Ok(None),
        _ => from.read_exact(&mut magic[1..])?,
    }
    if magic != MAGIC {
        return Err(bad("no frame begins here"));
    }
    let (json_len, blob_count) = (read_u32(from)?, read_u32(from)?);
    if json_len > JSON_LIMIT || blob_count > BLOBS_LIMIT {
        return Err(bad("a frame claims too much"));
    }
    let json = read_bytes(from, json_len)?;
    let mut blobs = Vec::new();
    let mut total = 0u64;
    for _ in 0..blob_count {
        let len = read_u32(from)?;
        total += u64::from(len);
        if total > BLOB_BYTES_LIMIT {
            return Err(bad("a frame claims too much"));
        }
        blobs.push(read_bytes(from, len)?);
    }
    Ok(Some((json, blobs)))
}

/// Gives the blobs back to the parcels.
fn hand_out(parcels: &mut [Parcel], blobs: Vec<Vec<u8>>) -> io::Result<()> {
    let mut blobs = blobs.into_iter();
    for parcel in parcels {
        for _ in 0..parcel.part_count {
            parcel
                .parts
                .push(blobs.next().ok_or_else(|| bad("a part is missing"))?);
        }
    }
    match blobs.next() {
        None => Ok(()),
        Some(_) => Err(bad("a part belongs to no message")),
    }
}

pub(super) fn write_request(to: &mut impl Write, request: &Request) -> io::Result<()> {
    let parcels = match request {
        Request::Receive { parcels, .. } => &parcels[..],
        _ => &[],
    };
    write_frame(to, &serde_json::to_vec(request)?, parcels)
}

pub(super) fn read_request(from: &mut impl Read) -> io::Result<Option<Request>> {
    let Some((json, blobs)) = read_frame(from)? else {
        return Ok(None);
    };
    let mut request = serde_json::from_slice(&json)?;
    match &mut request {
        Request::Receive { parcels, .. } => hand_out(parcels, blobs)?,
        _ => hand_out(&mut [], blobs)?,
    }
    Ok(Some(request))
}

pub(super) fn write_reply(to: &mut impl Write, reply: &Reply) -> io::Result<()> {
    let parcels = match reply {
        Reply::Collected { parcels, .. } => &parcels[..],
        _ => &[],
    };
    write_frame(to, &serde_json::to_vec(reply)?, parcels)
}

pub(super) fn read_reply(from: &mut impl Read) -> io::Result<Option<Reply>> {
    let Some((json, blobs)) = read_frame(from)? else {
        return Ok(None);
    };
    let mut reply = serde_json::from_slice(&json)?;
    match &mut reply {
        Reply::Collected { parcels, .. } => hand_out(parcels, blobs)?,
        _ => hand_out(&mut [], blobs)?,
    }
    Ok(Some(reply))
}

#[cfg(test)]
mod tests {
    use super::super::super::settle::{LinkResult, Outcome, Settled, SettledLink};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        // rule: tra:R-TRN-005
        #[test]
        fn parcels_come_back_and_damage_never_panics(
            parts in proptest::collection::vec(
                proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..4), 0..4),
            at: proptest::sample::Index, byte: u8, cut: proptest::sample::Index,
        ) {
            let parcels: Vec<Parcel> = parts.into_iter().map(|parts| Parcel {
                index: 1, stem: 2, tag: 3,
                part_count: u32::try_from(parts.len()).unwrap(), parts,
            }).collect();
            let reply = Reply::Collected { parcels: parcels.clone(), stuck: 1, problems: Vec::new() };
            let mut bytes = Vec::new();
            write_reply(&mut bytes, &reply).unwrap();
            match read_reply(&mut &bytes[..]).unwrap() {
                Some(Reply::Collected { parcels: back, stuck: 1, .. }) => prop_assert_eq!(back, parcels),
                other => prop_assert!(false, "{other:?}"),
            }
            prop_assert!(read_reply(&mut &bytes[..0]).unwrap().is_none());
            let cut = cut.index(bytes.len());
            prop_assert!(cut == 0 || read_reply(&mut &bytes[..cut]).is_err());
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = (read_reply(&mut &bytes[..]), read_request(&mut &bytes[..]));
        }
    }

    #[test]
    fn what_is_settled_crosses_as_it_is() {
        let outcome = Outcome {
            mailbag: 7,
            result: LinkResult::Failed {
                why: "x".to_owned(),
                counted: true,
            },
            in_doubt: vec![1],
            refused: vec![2],
        };
        let request = Request::Settle {
            now: 1,
            user: "u".to_owned(),
            outcomes: vec![outcome.clone()],
        };
        let mut bytes = Vec::new();
        write_request(&mut bytes, &request).unwrap();
        match read_request(&mut &bytes[..]).unwrap() {
            Some(Request::Settle { outcomes, .. }) => assert_eq!(outcomes, [outcome]),
            other => panic!("{other:?}"),
        }
        let settled = Settled {
            links: vec![SettledLink {
                mailbag: 7,
                returned: 3,
                ..SettledLink::default()
            }],
        };
        let reply = Reply::Settled {
            settled: settled.clone(),
            problems: Vec::new(),
        };
        let mut bytes = Vec::new();
        write_reply(&mut bytes, &reply).unwrap();
        match read_reply(&mut &bytes[..]).unwrap() {
            Some(Reply::Settled { settled: back, .. }) => assert_eq!(back, settled),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_frame_that_claims_too_much_is_refused_without_memory() {
        let mut frame = MAGIC.to_vec();
        frame.extend_from_slice(&2u32.to_le_bytes());
        frame.extend_from_slice(&1u32.to_le_bytes());
        frame.extend_from_slice(b"{}");
        frame.extend_from_slice(&u32::MAX.to_le_bytes());
        assert!(read_frame(&mut &frame[..]).is_err());
        assert!(read_frame(&mut &b"GET / HTTP/1.1"[..]).is_err());
    }
}
