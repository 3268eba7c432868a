//! Expanding what the agent compressed (decisions 2.17): a postoffice reads none of it.
//!
//! Memory is bounded by what is begun, not by what turns out: before anything is expanded, its
//! stated size is looked at, which the container's length bounds (1,000 : 1), and the expander stops
//! at the stated size. So a message that would be larger than [`Limits::message_bytes`] is refused at
//! its first 22 bytes, and messages are expanded together only as far as their stated sizes fit into
//! the workers' common budget ([`groups`]). What is done together depends on sizes alone, never on
//! who was faster.

use crate::core::format::compressed::{self, CONTAINER_HEAD_LEN_BYTES};
use crate::transport::link::MESSAGE_LIMIT_BYTES;

use super::HEAD_PARTS;

/// Bounds of the memory for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest message, expanded, in bytes; larger ones are parked.
    pub message_bytes: u64,
    /// Bytes of messages that all workers together hold: half of it as they were read, half expanded.
    /// A single message may be larger, and is then alone.
    pub budget_bytes: u64,
}

impl Default for Limits {
    /// 256 MiB for a message, as on every other way; 32 MiB for all workers (ASSIGNED).
    fn default() -> Self {
        Self {
            message_bytes: MESSAGE_LIMIT_BYTES,
            budget_bytes: 32 << 20,
        }
    }
}

/// Size of a message as a postoffice gets it, from the stated sizes of its containers.
#[must_use]
pub(super) fn expanded_len(parts: &[Vec<u8>]) -> u64 {
    parts
        .iter()
        .enumerate()
        .map(|(at, part)| match part.get(14..18) {
            Some(&[a, b, c, d])
                if at >= HEAD_PARTS
                    && compressed::is_compressed(part)
                    && part.len() >= CONTAINER_HEAD_LEN_BYTES =>
            {
                u64::from(u32::from_le_bytes([a, b, c, d]))
            }
            _ => part.len() as u64,
        })
        .fold(0, u64::saturating_add)
}

/// Expands the compressed attachments of a message.
///
/// # Errors
/// Why it cannot be.
pub(super) fn expand(parts: &mut [Vec<u8>], limits: &Limits) -> Result<(), String> {
    let len = expanded_len(parts);
    if len > limits.message_bytes {
        return Err(format!(
            "it would have {len} bytes, and {} is the most",
            limits.message_bytes
        ));
    }
    let limit = usize::try_from(limits.message_bytes).unwrap_or(usize::MAX);
    for part in parts.iter_mut().skip(HEAD_PARTS) {
        if compressed::is_compressed(part) {
            *part = compressed::expand(part, limit)
                .map_err(|error| format!("a compressed attachment cannot be expanded: {error}"))?;
        }
    }
    Ok(())
}

/// Cuts messages of these sizes into runs that are expanded together: each fits into the budget, or is
/// one message.
#[must_use]
pub(super) fn groups(sizes: &[u64], limits: &Limits) -> Vec<usize> {
    let budget = limits.budget_bytes / 2;
    let mut groups = Vec::new();
    let (mut count, mut bytes) = (0usize, 0u64);
    for &size in sizes {
        // What is refused costs nothing.
        let size = if size > limits.message_bytes { 0 } else { size };
        if count > 0 && bytes.saturating_add(size) > budget {
            groups.push(count);
            (count, bytes) = (0, 0);
        }
        count += 1;
        bytes = bytes.saturating_add(size);
    }
    if count > 0 {
        groups.push(count);
    }
    groups
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: Limits = Limits {
        message_bytes: 10_000,
        budget_bytes: 20_000,
    };

    fn message(attachment: Vec<u8>) -> Vec<Vec<u8>> {
        vec![vec![1; 10], vec![2; 10], vec![3; 10], attachment]
    }

    // rule: exc:R-DXA-060
    // rule: dec:2.17
    #[test]
    fn only_attachments_are_expanded_and_plain_ones_stay() {
        let original = b"A able PCM:NET/PO/able\r\n".repeat(50);
        let container = compressed::compress(&original).unwrap();
        let mut parts = message(container.clone());
        parts.push(b"plain".to_vec());
        // The text of a message may begin like a container.
        parts[2] = container.clone();
        assert_eq!(
            expanded_len(&parts),
            20 + container.len() as u64 + original.len() as u64 + 5
        );
        expand(&mut parts, &SMALL).unwrap();
        assert_eq!(parts[2], container);
        assert_eq!(parts[3..], [original, b"plain".to_vec()]);
    }

    // rule: dec:2.17
    #[test]
    fn a_bomb_is_refused_by_what_it_states_and_a_liar_at_what_it_states() {
        let container = compressed::compress(&b"zeros and ones ".repeat(4_000)).unwrap();
        let mut bomb = message(container.clone());
        assert_eq!(expanded_len(&bomb), 60_030);
        let before = bomb.clone();
        assert!(expand(&mut bomb, &SMALL).unwrap_err().contains("60030"));
        assert_eq!(bomb, before);
        // Many small ones are one large one.
        let small = compressed::compress(&[b'x'; 3_000]).unwrap();
        let mut many = message(small.clone());
        many.extend([small.clone(), small.clone(), small]);
        assert!(expand(&mut many, &SMALL).is_err());
        let mut liar = message(container);
        liar[3][14..18].copy_from_slice(&100u32.to_le_bytes());
        assert!(
            expand(&mut liar, &SMALL)
                .unwrap_err()
                .contains("stated size")
        );
    }

    proptest! {
        // rule: std:12
        #[test]
        fn what_is_expanded_together_fits_into_the_budget(
            sizes in proptest::collection::vec(0u64..12_000, 0..60),
        ) {
            let groups = groups(&sizes, &SMALL);
            prop_assert_eq!(groups.iter().sum::<usize>(), sizes.len());
            let mut rest = &sizes[..];
            for count in groups {
                prop_assert!(count > 0);
                let (group, others) = rest.split_at(count);
                let bytes: u64 = group.iter().filter(|size| **size <= 10_000).sum();
                prop_assert!(bytes <= 10_000, "{:?}", group);
                rest = others;
            }
        }
    }
}
