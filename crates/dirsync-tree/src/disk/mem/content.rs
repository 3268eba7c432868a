//! The bytes of one file in memory: what is seen now, what is durable, and which 512-byte sectors
//! differ. Blocks that were never written take no memory, so a sparse file of any length is cheap.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::crash::Chooser;

/// Bytes that reach the medium together: what a power cut never splits.
pub(super) const SECTOR_BYTES: u64 = 512;
/// Bytes per stored block: the unit of space.
pub(super) const BLOCK_BYTES: u64 = 4096;
const SECTOR: usize = 512;
const BLOCK: usize = 4096;
/// The longest file, as on the real systems (`i64::MAX` bytes).
pub(super) const MAX_FILE_BYTES: u64 = i64::MAX.unsigned_abs();

type Block = [u8; BLOCK];
/// Block number to bytes; blocks are shared between copies until one of them is written.
type Blocks = BTreeMap<u64, Arc<Block>>;
/// First block to the block after the last, apart from each other.
type Ranges = BTreeMap<u64, u64>;

/// Content of one file.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    live: Blocks,
    durable: Blocks,
    /// Block number to a bit for each of its eight sectors that may differ from the durable one.
    dirty: BTreeMap<u64, u8>,
    len: u64,
    durable_len: u64,
    /// Every length since the last sync, in order; a crash keeps any one of them or the durable one.
    lens: Vec<u64>,
    /// Blocks reserved by `allocate`.
    reserved: Ranges,
    durable_reserved: Ranges,
    /// Blocks that count as used: written or reserved.
    charged_blocks: u64,
}

impl Content {
    /// A file that holds `bytes`, durable.
    pub(super) fn durable_from(bytes: &[u8]) -> Self {
        let mut content = Self::default();
        content.write_at(bytes, 0);
        content.sync();
        content
    }

    /// Length in bytes as seen now.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Blocks that count as used.
    pub(super) fn charged_blocks(&self) -> u64 {
        self.charged_blocks
    }

    /// Reads at `offset`; fewer bytes than asked for only at the end.
    pub(super) fn read_at(&self, buf: &mut [u8], offset: u64) -> usize {
        let Some(left) = self.len.checked_sub(offset) else {
            return 0;
        };
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let mut done = 0;
        while done < want {
            let (block, at) = place(offset, done);
            let part = (BLOCK - at).min(want - done);
            let target = &mut buf[done..done + part];
            match self.live.get(&block) {
                Some(bytes) => target.copy_from_slice(&bytes[at..at + part]),
                None => target.fill(0),
            }
            done += part;
        }
        want
    }

    /// How many more blocks a write of `len` bytes at `offset` would use.
    pub(super) fn blocks_to_write(&self, offset: u64, len: u64) -> u64 {
        let (first, end) = block_range(offset, len);
        let mut new = end - first;
        new -= count(self.live.range(first..end).count());
        for (&from, &to) in &self.reserved {
            let (from, to) = (from.max(first), to.min(end));
            if from < to {
                new -= to - from - count(self.live.range(from..to).count());
            }
        }
        new
    }

    /// Writes `bytes` at `offset`; the caller has checked that the end is at most
    /// [`MAX_FILE_BYTES`] and that there is room.
    pub(super) fn write_at(&mut self, bytes: &[u8], offset: u64) {
        if bytes.is_empty() {
            return;
        }
        self.charged_blocks += self.blocks_to_write(offset, count(bytes.len()));
        let mut done = 0;
        while done < bytes.len() {
            let (block, at) = place(offset, done);
            let part = (BLOCK - at).min(bytes.len() - done);
            let target = self
                .live
                .entry(block)
                .or_insert_with(|| Arc::new([0; BLOCK]));
            Arc::make_mut(target)[at..at + part].copy_from_slice(&bytes[done..done + part]);
            for sector in at / SECTOR..=(at + part - 1) / SECTOR {
                *self.dirty.entry(block).or_insert(0) |= 1 << sector;
            }
            done += part;
        }
        let end = offset.saturating_add(count(bytes.len()));
        if end > self.len {
            self.change_len(end);
        }
    }

    /// Sets the length; new bytes are zero, and so are bytes that were cut and come back.
    pub(super) fn set_len(&mut self, len: u64) {
        if len < self.len {
            let (block, at) = place(len, 0);
            let first_gone = if at == 0 { block } else { block + 1 };
            if at != 0 {
                if let Some(bytes) = self.live.get_mut(&block) {
                    Arc::make_mut(bytes)[at..].fill(0);
                }
                if self.live.contains_key(&block) || self.durable.contains_key(&block) {
                    *self.dirty.entry(block).or_insert(0) |= 0xFF << (at / SECTOR);
                }
            }
            self.live.split_off(&first_gone);
            self.dirty.split_off(&first_gone);
            // Where old bytes are durable, zeros are news.
            for (&gone, _) in self.durable.range(first_gone..) {
                self.dirty.insert(gone, 0xFF);
            }
            self.reserved = self
                .reserved
                .iter()
                .map(|(&from, &to)| (from, to.min(first_gone)))
                .filter(|(from, to)| from < to)
                .collect();
            self.recount();
        }
        if len != self.len {
            self.change_len(len);
        }
    }

    /// How many more blocks `allocate` would use.
    pub(super) fn blocks_to_allocate(&self, offset: u64, len: u64) -> u64 {
        self.blocks_to_write(offset, len)
    }

    /// Reserves blocks without changing the length.
    pub(super) fn allocate(&mut self, offset: u64, len: u64) {
        let (mut from, mut to) = block_range(offset, len);
        if from == to {
            return;
        }
        let touching: Vec<u64> = self
            .reserved
            .iter()
            .filter(|&(&other_from, &other_to)| other_from <= to && from <= other_to)
            .map(|(&other_from, _)| other_from)
            .collect();
        for key in touching {
            if let Some(end) = self.reserved.remove(&key) {
                from = from.min(key);
                to = to.max(end);
            }
        }
        self.reserved.insert(from, to);
        self.recount();
    }

    /// Makes bytes, length and reservation durable.
    pub(super) fn sync(&mut self) {
        for &block in self.dirty.keys() {
            match self.live.get(&block) {
                Some(bytes) => self.durable.insert(block, Arc::clone(bytes)),
                None => self.durable.remove(&block),
            };
        }
        self.dirty.clear();
        self.durable_len = self.len;
        self.lens.clear();
        self.durable_reserved = self.reserved.clone();
    }

    /// Whether anything would be lost by a power cut.
    pub(super) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty() || !self.lens.is_empty()
    }

    /// What is there after a power cut; `chooser` says what reached the medium.
    pub(super) fn after_crash(&self, chooser: &mut Chooser) -> Self {
        let kept = chooser.data_index(self.lens.len());
        let len = match kept.checked_sub(1).and_then(|at| self.lens.get(at)) {
            Some(&len) => len,
            None => self.durable_len,
        };
        let mut blocks = self.durable.clone();
        for (&block, &mask) in &self.dirty {
            for sector in 0..BLOCK / SECTOR {
                let start = block
                    .saturating_mul(BLOCK_BYTES)
                    .saturating_add(count(sector) * SECTOR_BYTES);
                // A sector past the end now holds nothing that could have been written.
                if mask & (1 << sector) == 0 || start >= self.len || !chooser.data() {
                    continue;
                }
                if !self.live.contains_key(&block) && !blocks.contains_key(&block) {
                    continue;
                }
                let at = sector * SECTOR;
                let target = blocks.entry(block).or_insert_with(|| Arc::new([0; BLOCK]));
                let target = &mut Arc::make_mut(target)[at..at + SECTOR];
                match self.live.get(&block) {
                    Some(bytes) => target.copy_from_slice(&bytes[at..at + SECTOR]),
                    None => target.fill(0),
                }
            }
        }
        // Nothing lies beyond the length that survived.
        let (last, at) = place(len, 0);
        blocks.split_off(&if at == 0 { last } else { last + 1 });
        if at != 0
            && let Some(bytes) = blocks.get_mut(&last)
        {
            Arc::make_mut(bytes)[at..].fill(0);
        }
        let reserved = if chooser.keeps_everything() {
            self.reserved.clone()
        } else {
            self.durable_reserved.clone()
        };
        let mut after = Self {
            live: blocks.clone(),
            durable: blocks,
            dirty: BTreeMap::new(),
            len,
            durable_len: len,
            lens: Vec::new(),
            reserved: reserved.clone(),
            durable_reserved: reserved,
            charged_blocks: 0,
        };
        after.recount();
        after
    }

    fn change_len(&mut self, len: u64) {
        self.len = len;
        self.lens.push(len);
    }

    fn recount(&mut self) {
        let mut blocks = count(self.live.len());
        for (&from, &to) in &self.reserved {
            blocks += to - from - count(self.live.range(from..to).count());
        }
        self.charged_blocks = blocks;
    }
}

/// Block number and offset in it of the byte `done` bytes after `offset`.
fn place(offset: u64, done: usize) -> (u64, usize) {
    let at = offset.saturating_add(count(done));
    let within = usize::try_from(at % BLOCK_BYTES).unwrap_or(0);
    (at / BLOCK_BYTES, within)
}

/// First block and the block after the last that hold `len` bytes from `offset`.
fn block_range(offset: u64, len: u64) -> (u64, u64) {
    if len == 0 {
        return (0, 0);
    }
    let end = offset.saturating_add(len);
    (offset / BLOCK_BYTES, end.div_ceil(BLOCK_BYTES))
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
