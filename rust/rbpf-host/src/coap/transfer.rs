// SPDX-License-Identifier: MIT OR Apache-2.0
//! Block-wise transfers (RFC 7959): requests that arrive, and responses that
//! leave, in pieces.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::block::Block;
use super::code;
use super::options::TransferKey;
use super::table::{Bounds, Table};

/// Transfers of one host in each direction, and of all.
const PER_ADDRESS: usize = 16;
const TOTAL: usize = 64;

/// A response that leaves in pieces.
#[derive(Clone, Debug)]
struct Body {
    code: u8,
    content_format: Option<u16>,
    payload: Arc<[u8]>,
    etag: [u8; 8],
}

/// All transfers of an endpoint.
#[derive(Debug)]
pub(super) struct Transfers {
    uploads: Table<TransferKey, Vec<u8>>,
    downloads: Table<TransferKey, Body>,
    /// The largest block, in bytes.
    block_size: usize,
    /// The longest upload, in bytes.
    max_upload: usize,
}

/// What has become of a request's payload.
pub(super) enum Upload {
    /// It is complete.
    Complete(Vec<u8>),
    /// It is not yet, or never will be; this is to be answered.
    Answered(Answer),
}

impl Transfers {
    pub(super) fn new(block_size: usize, max_upload: usize, timeout: Duration) -> Self {
        let bounds = Bounds {
            per_address: PER_ADDRESS,
            total: TOTAL,
            lifetime: timeout,
        };
        Self {
            uploads: Table::new(bounds),
            downloads: Table::new(bounds),
            block_size,
            max_upload,
        }
    }

    /// The block to name in a response: not larger than ours.
    fn negotiate(&self, block: Block) -> Block {
        Block::new(block.number, block.more, block.size().min(self.block_size))
    }

    fn too_large(&self) -> Upload {
        Upload::Answered(Answer {
            size1: u32::try_from(self.max_upload).ok(),
            ..Answer::error(code::REQUEST_ENTITY_TOO_LARGE, "payload too large")
        })
    }

    /// Takes the payload of a request, or a block of it.
    ///
    /// Blocks are taken in order only: one that does not continue what is
    /// there ends the transfer with 4.08, and the peer starts again.
    pub(super) fn upload(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        key: &TransferKey,
        block: Option<Block>,
        size1: Option<u32>,
        payload: Vec<u8>,
    ) -> Upload {
        // Whatever comes, an earlier transfer is over, or continued below.
        let begun = self.uploads.take(now, peer, key);
        let announced = size1.map_or(0, |size| size as usize);
        if announced.max(payload.len()) > self.max_upload {
            return self.too_large();
        }
        let Some(block) = block else {
            return Upload::Complete(payload);
        };
        let refuse = |code, text| Upload::Answered(Answer::error(code, text));
        if payload.len() > block.size() || (block.more && payload.len() < block.size()) {
            return refuse(code::BAD_REQUEST, "block and its size disagree");
        }
        let mut body = match begun {
            _ if block.number == 0 => Vec::new(),
            Some(body) if body.len() == block.offset() => body,
            Some(_) => return refuse(code::REQUEST_ENTITY_INCOMPLETE, "block out of order"),
            None => return refuse(code::REQUEST_ENTITY_INCOMPLETE, "no such transfer"),
        };
        if body.len() + payload.len() > self.max_upload {
            return self.too_large();
        }
        body.extend_from_slice(&payload);
        if !block.more {
            return Upload::Complete(body);
        }
        self.uploads.put(now, peer, key.clone(), body);
        Upload::Answered(Answer {
            block1: Some(self.negotiate(block)),
            ..Answer::new(code::CONTINUE)
        })
    }

    /// What to say of Block1 in the response to a complete upload.
    pub(super) fn last_block(&self, block: Option<Block>) -> Option<Block> {
        block.map(|block| self.negotiate(block))
    }

    /// A further block of a response that has begun, if there is one; of `most` bytes.
    pub(super) fn next(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        key: &TransferKey,
        block: Block,
        most: usize,
    ) -> Option<Answer> {
        let body = self.downloads.get(now, peer, key)?.clone();
        let answer = body.block(from(block, most));
        if answer.block2.is_some_and(|block| block.more) {
            // It goes on: its time begins anew.
            self.downloads.put(now, peer, key.clone(), body);
        } else {
            self.downloads.take(now, peer, key);
        }
        Some(answer)
    }

    /// Cuts a response to `most` bytes, a power of two, and keeps the rest.
    pub(super) fn download(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        key: &TransferKey,
        wanted: Option<Block>,
        answer: Answer,
        most: usize,
    ) -> Answer {
        self.downloads.take(now, peer, key);
        if wanted.is_none() && answer.payload.len() <= most {
            return answer;
        }
        let wanted = from(wanted.unwrap_or(Block::new(0, false, most)), most);
        let mut hasher = DefaultHasher::new();
        answer.payload.hash(&mut hasher);
        let body = Body {
            code: answer.code,
            content_format: answer.content_format,
            payload: answer.payload.into(),
            etag: hasher.finish().to_be_bytes(),
        };
        let first = Answer {
            block1: answer.block1,
            observe: answer.observe,
            ..body.block(wanted)
        };
        if first.block2.is_some_and(|block| block.more) {
            self.downloads.put(now, peer, key.clone(), body);
        }
        first
    }
}

/// A block of at most that size that begins where the one asked for does.
fn from(block: Block, most: usize) -> Block {
    let size = block.size().min(most);
    // Offsets are below 2^30, and sizes at least 16.
    Block::new((block.offset() / size) as u32, false, size)
}

impl Body {
    /// A block of the payload, or 4.00 if it has none there.
    fn block(&self, block: Block) -> Answer {
        let Some(rest) = self.payload.get(block.offset()..) else {
            return Answer::error(code::BAD_REQUEST, "no such block");
        };
        if rest.is_empty() && block.number > 0 {
            return Answer::error(code::BAD_REQUEST, "no such block");
        }
        let more = rest.len() > block.size();
        Answer {
            content_format: self.content_format,
            etag: Some(self.etag),
            block2: Some(Block::new(block.number, more, block.size())),
            size2: (block.number == 0)
                .then(|| u32::try_from(self.payload.len()).ok())
                .flatten(),
            payload: rest.iter().take(block.size()).copied().collect(),
            ..Answer::new(self.code)
        }
    }
}
