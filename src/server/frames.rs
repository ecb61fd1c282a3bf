//! Follows the frames of an HTTP/2 connection both ways, for what h2 tells nobody: whether a head has begun that doesn't
//! end, and whether answers are still to be sent of which hyper thinks that they have been.

/// RFC 9113 sections 6 and 3.4.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PREFACE: u32 = 24;

/// How many streams are followed. h2 lets in no more than `limits.streams` and refuses the others one by one; but once it
/// has said goodbye, it doesn't answer those that are opened then.
const MOST_OPEN: usize = 4096;

/// Follows one connection.
#[derive(Debug)]
pub(super) struct Frames {
    heard: Cut,
    said: Cut,
    /// The stream of the head that has begun.
    head: Option<u32>,
    /// The last stream that was opened.
    last: u32,
    /// Streams that were asked for and not answered to their ends.
    open: Vec<u32>,
}

impl Frames {
    /// A connection whose client begins with the preface.
    pub(super) fn new() -> Self {
        let heard = Cut { left: PREFACE, ..Cut::default() };
        Self { heard, said: Cut::default(), head: None, last: 0, open: Vec::new() }
    }

    /// Whether a part of a head has come in.
    pub(super) const fn is_in_head(&self) -> bool {
        self.head.is_some()
    }

    /// Whether something that was asked is not answered to its end.
    pub(super) const fn owes(&self) -> bool {
        !self.open.is_empty()
    }

    /// Takes in what came from the client.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        let Self { heard, head, last, open, .. } = self;
        heard.follow(bytes, |frame, whole| match frame.kind {
            HEADERS | CONTINUATION if !whole => *head = Some(frame.stream),
            HEADERS | CONTINUATION if frame.flags & END_HEADERS != 0 => {
                *head = None;
                // Trailers are of a stream that was opened before.
                if frame.stream > *last && open.len() < MOST_OPEN {
                    *last = frame.stream;
                    open.push(frame.stream);
                }
            }
            RST_STREAM if whole => close(open, frame.stream),
            _ => {}
        });
    }

    /// Takes in what is said to the client, and says whether that was a part of an answer.
    pub(super) fn say(&mut self, bytes: &[u8]) -> bool {
        let Self { said, open, .. } = self;
        let mut answers = matches!(said.frame, Some(Head { kind: DATA | HEADERS, .. }));
        said.follow(bytes, |frame, whole| {
            let ends = match frame.kind {
                DATA | HEADERS => frame.flags & END_STREAM != 0,
                RST_STREAM => true,
                _ => return,
            };
            answers = true;
            if whole && ends {
                close(open, frame.stream);
            }
        });
        answers
    }
}

fn close(open: &mut Vec<u32>, stream: u32) {
    if let Some(at) = open.iter().position(|one| *one == stream) {
        open.swap_remove(at);
    }
}

/// What a frame's first nine bytes say (RFC 9113 section 4.1).
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    kind: u8,
    flags: u8,
    stream: u32,
}

/// Cuts one side's bytes into frames.
#[derive(Debug, Default)]
struct Cut {
    /// What has come of a frame's first bytes.
    begun: [u8; 9],
    count: usize,
    /// How many bytes are still to come of the frame, or of what comes before the first.
    left: u32,
    frame: Option<Head>,
}

impl Cut {
    /// Tells of each frame when it has begun, and when it is whole.
    fn follow(&mut self, mut bytes: &[u8], mut told: impl FnMut(Head, bool)) {
        loop {
            let skipped = bytes.len().min(self.left as usize);
            bytes = &bytes[skipped..];
            // No more than was left.
            self.left -= u32::try_from(skipped).unwrap_or_default();
            if self.left == 0
                && let Some(frame) = self.frame.take()
            {
                told(frame, true);
            }
            if bytes.is_empty() {
                return;
            }
            let taken = bytes.len().min(self.begun.len() - self.count);
            self.begun[self.count..self.count + taken].copy_from_slice(&bytes[..taken]);
            self.count += taken;
            bytes = &bytes[taken..];
            if self.count < self.begun.len() {
                return;
            }
            self.count = 0;
            let [l1, l2, l3, kind, flags, s1, s2, s3, s4] = self.begun;
            self.left = u32::from_be_bytes([0, l1, l2, l3]);
            let frame = Head { kind, flags, stream: u32::from_be_bytes([s1 & 0x7f, s2, s3, s4]) };
            self.frame = Some(frame);
            told(frame, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUSHED: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    fn frame(kind: u8, flags: u8, stream: u32, length: u8) -> Vec<u8> {
        let mut bytes = vec![0, 0, length, kind, flags];
        bytes.extend(stream.to_be_bytes());
        bytes.extend(vec![kind; length.into()]);
        bytes
    }

    fn hear(frames: &mut Frames, bytes: &[u8], step: usize) {
        bytes.chunks(step).for_each(|piece| frames.hear(piece));
    }

    #[test]
    fn a_head_ends_with_the_last_byte_of_its_last_frame_wherever_it_is_cut() {
        for step in [1, 2, 5, 9, 1000] {
            let mut frames = Frames::new();
            hear(&mut frames, PUSHED, step);
            hear(&mut frames, &frame(4, 0, 0, 12), step);
            assert!(!frames.is_in_head() && !frames.owes(), "{step}");
            hear(&mut frames, &frame(HEADERS, END_STREAM, 1, 30), step);
            assert!(frames.is_in_head() && !frames.owes(), "{step}");
            let last = frame(CONTINUATION, END_HEADERS, 1, 5);
            hear(&mut frames, &last[..last.len() - 1], step);
            assert!(frames.is_in_head(), "{step}");
            hear(&mut frames, &last[last.len() - 1..], step);
            assert!(!frames.is_in_head() && frames.owes(), "{step}");
            hear(&mut frames, &frame(HEADERS, END_HEADERS | END_STREAM, 3, 0), step);
            assert!(!frames.is_in_head(), "{step}: an empty one ends with its beginning");
        }
    }

    #[test]
    fn an_answer_is_owed_until_its_stream_ends() {
        let asked = |frames: &mut Frames, stream| {
            frames.hear(&frame(HEADERS, END_HEADERS, stream, 3));
            assert!(frames.owes());
        };
        let mut frames = Frames::new();
        frames.hear(PUSHED);
        asked(&mut frames, 1);
        frames.say(&frame(HEADERS, END_HEADERS, 1, 5));
        frames.say(&frame(DATA, 0, 1, 200));
        assert!(frames.owes());
        let end = frame(DATA, END_STREAM, 1, 20);
        frames.say(&end[..end.len() - 1]);
        assert!(frames.owes(), "its last byte is not said");
        frames.say(&end[end.len() - 1..]);
        assert!(!frames.owes());
        // Trailers of a request that is answered already open nothing.
        frames.hear(&frame(HEADERS, END_HEADERS | END_STREAM, 1, 5));
        assert!(!frames.owes());
        asked(&mut frames, 3);
        frames.say(&frame(HEADERS, END_HEADERS | END_STREAM, 3, 5));
        assert!(!frames.owes());
        for gate in [true, false] {
            let stream = if gate { 5 } else { 7 };
            asked(&mut frames, stream);
            let reset = frame(RST_STREAM, 0, stream, 4);
            if gate {
                frames.say(&reset);
            } else {
                frames.hear(&reset);
            }
            assert!(!frames.owes());
        }
    }
}
