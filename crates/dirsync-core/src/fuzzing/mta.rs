//! Objects of the MTA database and X.411 messages.

use crate::format::mta::bitmap::Bitmap;
use crate::format::mta::counts::Counts;
use crate::format::mta::message::{Data, Reference};
use crate::format::mta::queue::{Queue, SuperQueue};
use crate::format::mta::{Keep, Scanned, Scanner};
use crate::format::x400::message::{Read, read};

/// Object files and messages: what is read is what is written, pieces do not matter.
pub fn mta(data: &[u8]) {
    let whole = Scanner::scan(data, Keep::All);
    let pieces = in_pieces(data);
    assert_eq!(whole, pieces);
    if let Ok(found) = &whole {
        object(found);
    }
    if let Ok(bitmap) = Bitmap::decode(data) {
        assert_eq!(bitmap.bytes(), data);
    }
    if let Ok(Read::Message(message)) = read(data)
        && let Ok(bytes) = message.encode()
    {
        assert_eq!(read(&bytes), Ok(Read::Message(message)));
    }
}

fn in_pieces(data: &[u8]) -> Result<Scanned, crate::base::DecodeError> {
    let mut scanner = Scanner::new(data.len() as u64, Keep::All);
    for piece in data.chunks(13) {
        scanner.push(piece)?;
    }
    scanner.finish()
}

fn object(found: &Scanned) {
    let again = |bytes: Vec<u8>| Scanner::scan(&bytes, Keep::All);
    if let Ok(queue) = Queue::from_object(found)
        && let Ok(bytes) = queue.encode()
    {
        assert_eq!(
            again(bytes).and_then(|found| Queue::from_object(&found)),
            Ok(queue)
        );
    }
    if let Ok(queues) = SuperQueue::from_object(found)
        && let Ok(bytes) = queues.encode()
    {
        assert_eq!(
            again(bytes).and_then(|found| SuperQueue::from_object(&found)),
            Ok(queues)
        );
    }
    if let Ok(counts) = Counts::from_object(found)
        && let Ok(bytes) = counts.encode()
    {
        assert_eq!(
            again(bytes).and_then(|found| Counts::from_object(&found)),
            Ok(counts)
        );
    }
    let header = &found.header;
    if let Ok(reference) = Reference::from_object(found) {
        let object = reference.object(
            header.id,
            header.queue,
            header.partner,
            header.created,
            header.serial,
        );
        if let Ok(bytes) = object.encode() {
            assert_eq!(
                again(bytes).and_then(|found| Reference::from_object(&found)),
                Ok(reference)
            );
        }
    }
    let _ = Data::from_object(found);
}
