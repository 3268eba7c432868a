//! GRP files: chains of members.
//!
//! ADMIN.GRP holds the members of all groups of the postoffice, ADMINSHD.GRP is its byte-identical
//! copy, `<number>.GRP` belongs to a user. Nodes of all groups lie mixed; each names a member by tuple
//! id and the byte offset of the next node, 0 ends a group (Q107767). The first node is at 8.
//!
//! `GrpHeader`, 8 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 4 | free | ASSIGNED | decisions 2.8 |
//! | 4 | 4 | reserved_4 | ASSIGNED | decisions 2.8 |
//!
//! `GrpNode`, 8 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 4 | member | INFERRED | decisions 2.8, Q107767 |
//! | 4 | 4 | next | INFERRED | decisions 2.8, Q107767 |

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::chain::{Chain, ChainError, Linked};
use super::field::Reserved;
use super::record::{FileLayout, FileView, FixedRecord, fixed_record};
use crate::base::Tid;

/// Header of a GRP file.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct GrpHeader {
    /// Byte offset of the first free node, 0 none.
    pub free: U32,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_4: Reserved<4>,
}
fixed_record!(GrpHeader, "GRP header", 8, "Q77926 Q112886 Q135932", {
    free: 0,
    reserved_4: 4,
});

/// One member of one group.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct GrpNode {
    /// Tuple id of the member; 0 in a free node.
    pub member: U32,
    /// Byte offset of the next node, 0 for the end.
    pub next: U32,
}
fixed_record!(GrpNode, "GRP node", 8, "Q77926 Q107767", {
    member: 0,
    next: 4,
});

/// `GRP/<name>.GRP`.
pub const GRP: FileLayout<GrpHeader, GrpNode> = FileLayout::new("GRP/*.GRP");

impl Linked for GrpNode {
    fn next_offset(&self) -> u32 {
        self.next.get()
    }
}

/// Walks the members of the group whose first node is at byte `pointer`.
#[must_use]
pub fn members<'a>(
    view: &FileView<'a, GrpHeader, GrpNode>,
    pointer: u32,
) -> Chain<'a, GrpHeader, GrpNode> {
    Chain::new(view.records, pointer)
}

/// Why a group was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrpError {
    /// The chain of the group or of the free nodes is broken.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The free node at this byte offset is in use.
    #[error("the free node at byte {0} names a member")]
    NotFree(u32),
    /// The node at this byte offset belongs to a group and names no member.
    #[error("the node at byte {0} of a group names no member")]
    NotUsed(u32),
    /// 0 is not a tuple id.
    #[error("0 is not the tuple id of a member")]
    NoTid,
    /// No more nodes can be named by offsets of 32 bits.
    #[error("the GRP file is full")]
    Full,
}

/// A GRP file that can be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrpFile {
    header: GrpHeader,
    nodes: Vec<GrpNode>,
}

impl GrpFile {
    /// A file without groups: 8 zero bytes (Q112886).
    #[must_use]
    pub fn empty() -> Self {
        Self {
            header: GrpHeader::zeroed(),
            nodes: Vec::new(),
        }
    }

    /// Copies a file.
    #[must_use]
    pub fn from_view(view: &FileView<'_, GrpHeader, GrpNode>) -> Self {
        Self {
            header: view.header.clone(),
            nodes: view.records.to_vec(),
        }
    }

    /// The bytes of the file.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        GRP.build(&self.header, &self.nodes)
    }

    /// The members of the group whose first node is at byte `pointer`, in their order.
    ///
    /// # Errors
    /// The chain is broken.
    pub fn members(&self, pointer: u32) -> Result<Vec<Tid>, ChainError> {
        Chain::<GrpHeader, _>::new(&self.nodes, pointer)
            .map(|step| step.map(|(_, node)| Tid(node.member.get())))
            .collect()
    }

    /// Replaces the members of a group and returns its new pointer, 0 for no members.
    ///
    /// The nodes of the old chain serve first, then free ones, then new ones; old nodes that are
    /// left over become free.
    ///
    /// # Errors
    /// Nothing was changed: a chain is broken, a tuple id is 0, or the file is full.
    pub fn replace(&mut self, pointer: u32, members: &[Tid]) -> Result<u32, GrpError> {
        if members.contains(&Tid(0)) {
            return Err(GrpError::NoTid);
        }
        let mut slots = Vec::new();
        for step in Chain::<GrpHeader, _>::new(&self.nodes, pointer) {
            let (offset, node) = step?;
            if node.member.get() == 0 {
                return Err(GrpError::NotUsed(offset));
            }
            slots.push(offset);
        }
        let mut free = self.header.free.get();
        let wanted = members.len().saturating_sub(slots.len());
        for step in Chain::<GrpHeader, _>::new(&self.nodes, free).take(wanted) {
            let (offset, node) = step?;
            if node.member.get() != 0 {
                return Err(GrpError::NotFree(offset));
            }
            free = node.next.get();
            slots.push(offset);
        }
        let mut end = self.nodes.len();
        while slots.len() < members.len() {
            let offset = FileView::<GrpHeader, GrpNode>::offset_of(end);
            slots.push(u32::try_from(offset).map_err(|_| GrpError::Full)?);
            end += 1;
        }
        // Everything is checked; from here on nothing fails.
        self.nodes.resize(end, GrpNode::zeroed());
        let (used, left) = slots.split_at(members.len());
        let mut next = 0;
        for (&offset, tid) in used.iter().zip(members).rev() {
            self.set(offset, tid.0, next);
            next = offset;
        }
        for &offset in left.iter().rev() {
            self.set(offset, 0, free);
            free = offset;
        }
        self.header.free = U32::new(free);
        Ok(next)
    }

    fn set(&mut self, offset: u32, member: u32, next: u32) {
        let index = FileView::<GrpHeader, GrpNode>::index_of(u64::from(offset));
        if let Some(node) = index.and_then(|index| self.nodes.get_mut(index)) {
            node.member = U32::new(member);
            node.next = U32::new(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // rule: pof:R-GRP-003
    // rule: pof:R-GRP-008
    // rule: pof:D-12
    // rule: tra:R-QUE-015
    #[test]
    fn groups_share_the_file_and_free_nodes_are_used_again() {
        let empty = include_bytes!("../../../../fixtures/binary/grp-empty.bin");
        let mut file = GrpFile::empty();
        assert_eq!(file.build(), empty);
        let a = file.replace(0, &[Tid(1), Tid(2), Tid(3)]).unwrap();
        let b = file.replace(0, &[Tid(9)]).unwrap();
        assert_eq!((a, b), (8, 32));
        assert_eq!(file.members(a).unwrap(), [Tid(1), Tid(2), Tid(3)]);
        let len = file.build().len();
        let a = file.replace(a, &[Tid(3)]).unwrap();
        let b = file.replace(b, &[Tid(9), Tid(1)]).unwrap();
        assert_eq!(file.build().len(), len);
        assert_eq!(file.members(a).unwrap(), [Tid(3)]);
        assert_eq!(file.members(b).unwrap(), [Tid(9), Tid(1)]);
        assert_eq!(file.replace(a, &[]), Ok(0));
    }

    // rule: pof:R-GRP-003
    #[test]
    fn a_broken_chain_changes_nothing() {
        let mut file = GrpFile::empty();
        file.replace(0, &[Tid(1), Tid(2)]).unwrap();
        file.nodes[1].next = U32::new(8);
        let before = file.clone();
        let looped = GrpError::Chain(ChainError::Loop(8));
        assert_eq!(file.replace(8, &[Tid(5)]), Err(looped));
        assert_eq!(file.replace(0, &[Tid(5), Tid(0)]), Err(GrpError::NoTid));
        file.header.free = U32::new(8);
        assert_eq!(file.replace(0, &[Tid(5)]), Err(GrpError::NotFree(8)));
        file.header.free = U32::ZERO;
        assert_eq!(file, before);
    }

    proptest! {
        // rule: pof:R-GRP-003
        #[test]
        fn every_group_keeps_its_members(
            changes in proptest::collection::vec((0usize..4, proptest::collection::vec(1u32..99, 0..6)), 0..20),
        ) {
            let mut file = GrpFile::empty();
            let mut groups = vec![(0u32, Vec::<Tid>::new()); 4];
            for (which, members) in changes {
                let members: Vec<_> = members.into_iter().map(Tid).collect();
                let pointer = file.replace(groups[which].0, &members).unwrap();
                groups[which] = (pointer, members);
                let bytes = file.build();
                file = GrpFile::from_view(&GRP.view(&bytes).unwrap());
                for (pointer, members) in &groups {
                    prop_assert_eq!(&file.members(*pointer).unwrap(), members);
                }
            }
        }

        // rule: dec:2.8
        #[test]
        fn any_bytes_are_walked_without_panic(
            bytes in proptest::collection::vec(0u8..40, 8..100),
            pointer in 0u32..100,
        ) {
            let view = GRP.view(&bytes).unwrap();
            let mut file = GrpFile::from_view(&view);
            let mut again = file.build();
            again.extend_from_slice(view.trailing);
            prop_assert_eq!(&again, &bytes);
            prop_assert!(members(&view, pointer).count() <= view.records.len() + 1);
            let before = file.clone();
            if file.replace(pointer, &[Tid(1), Tid(2)]).is_err() {
                prop_assert_eq!(file, before);
            }
        }
    }
}
