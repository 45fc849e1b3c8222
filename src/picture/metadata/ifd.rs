//! The tag structure of TIFF 6.0 (section 2), which TIFF files and EXIF share: read without trust, written anew.

/// Byte order of a file's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::picture) enum Order {
    Little,
    Big,
}

impl Order {
    pub(in crate::picture) fn u16(self, b: &[u8]) -> u16 {
        let b: [u8; 2] = b.try_into().unwrap_or_default();
        if self == Self::Little { u16::from_le_bytes(b) } else { u16::from_be_bytes(b) }
    }

    pub(in crate::picture) fn u32(self, b: &[u8]) -> u32 {
        let b: [u8; 4] = b.try_into().unwrap_or_default();
        if self == Self::Little { u32::from_le_bytes(b) } else { u32::from_be_bytes(b) }
    }

    pub(in crate::picture) fn u64(self, b: &[u8]) -> u64 {
        let b: [u8; 8] = b.try_into().unwrap_or_default();
        if self == Self::Little { u64::from_le_bytes(b) } else { u64::from_be_bytes(b) }
    }

    fn put16(self, out: &mut Vec<u8>, v: u16) {
        out.extend(if self == Self::Little { v.to_le_bytes() } else { v.to_be_bytes() });
    }

    fn put32(self, out: &mut Vec<u8>, v: u32) {
        out.extend(if self == Self::Little { v.to_le_bytes() } else { v.to_be_bytes() });
    }
}

/// Field types.
pub(in crate::picture) mod kind {
    pub(in crate::picture) const BYTE: u16 = 1;
    pub(in crate::picture) const SHORT: u16 = 3;
    pub(in crate::picture) const LONG: u16 = 4;
    pub(in crate::picture) const RATIONAL: u16 = 5;
    pub(in crate::picture) const UNDEFINED: u16 = 7;
}

/// Bytes of one value of a field type; 0 for an unknown one.
fn size(kind: u16) -> usize {
    match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => 0,
    }
}

/// One field; its values as bytes in the structure's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::picture) struct Entry {
    pub tag: u16,
    pub kind: u16,
    pub value: Vec<u8>,
    /// Where the value stands in the file, for changes in place.
    pub at: usize,
}

/// One directory of fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::picture) struct Ifd {
    pub order: Order,
    pub entries: Vec<Entry>,
    /// Where the next directory begins, if there is one.
    pub next: Option<usize>,
}

/// The head of a TIFF structure.
pub(in crate::picture) struct Head {
    pub order: Order,
    big: bool,
    pub first: usize,
}

/// Reads the head: `II` or `MM`, 42 or (BigTIFF) 43, where the first directory is.
pub(in crate::picture) fn head(bytes: &[u8]) -> Option<Head> {
    let order = match bytes.get(..2)? {
        b"II" => Order::Little,
        b"MM" => Order::Big,
        _ => return None,
    };
    let (big, first) = match order.u16(bytes.get(2..4)?) {
        42 => (false, u64::from(order.u32(bytes.get(4..8)?))),
        43 if order.u16(bytes.get(4..6)?) == 8 => (true, order.u64(bytes.get(8..16)?)),
        _ => return None,
    };
    Some(Head { order, big, first: usize::try_from(first).ok()? })
}

impl Head {
    /// The directory at `at`; fields whose values lie outside the file are left out.
    pub(in crate::picture) fn ifd(&self, bytes: &[u8], at: usize) -> Option<Ifd> {
        let order = self.order;
        let (count, entry_size, head_size) = if self.big {
            (order.u64(bytes.get(at..at.checked_add(8)?)?), 20, 8)
        } else {
            (u64::from(order.u16(bytes.get(at..at.checked_add(2)?)?)), 12, 2)
        };
        let count = usize::try_from(count).ok().filter(|count| *count <= 4096)?;
        let start = at + head_size;
        let table = bytes.get(start..start.checked_add(count * entry_size)?)?;
        let entries = table.chunks_exact(entry_size).enumerate();
        let entries = entries.filter_map(|(i, entry)| self.entry(bytes, entry, start + i * entry_size));
        // Fields may point to one place; together they copy no more than the file holds.
        let mut left = bytes.len();
        let mut within = |entry: &Entry| {
            let fits = entry.value.len() <= left;
            left -= if fits { entry.value.len() } else { 0 };
            fits
        };
        let entries = entries.filter(|entry| within(entry)).collect();
        let next = start + count * entry_size;
        let next = if self.big {
            bytes.get(next..next + 8).map(|b| order.u64(b))
        } else {
            bytes.get(next..next + 4).map(|b| u64::from(order.u32(b)))
        };
        let next = next.filter(|next| *next != 0).and_then(|next| usize::try_from(next).ok());
        Some(Ifd { order, entries, next })
    }

    fn entry(&self, bytes: &[u8], entry: &[u8], at: usize) -> Option<Entry> {
        let order = self.order;
        let (tag, kind) = (order.u16(&entry[..2]), order.u16(&entry[2..4]));
        let (count, inline) = if self.big {
            (order.u64(&entry[4..12]), &entry[12..20])
        } else {
            (u64::from(order.u32(&entry[4..8])), &entry[8..12])
        };
        let length = usize::try_from(count).ok()?.checked_mul(size(kind)).filter(|_| size(kind) > 0)?;
        let at = if length <= inline.len() {
            at + entry.len() - inline.len()
        } else {
            let offset = if self.big { order.u64(inline) } else { u64::from(order.u32(inline)) };
            usize::try_from(offset).ok()?
        };
        let value = bytes.get(at..at.checked_add(length)?)?.to_vec();
        Some(Entry { tag, kind, value, at })
    }
}

impl Ifd {
    /// An empty directory.
    pub(in crate::picture) fn new(order: Order) -> Self {
        Self { order, entries: Vec::new(), next: None }
    }

    pub(in crate::picture) fn find(&self, tag: u16) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    /// A field's values as whole numbers, of any integer type; signed ones below 0 are left out.
    pub(in crate::picture) fn numbers(&self, tag: u16) -> Option<Vec<u64>> {
        let (entry, order) = (self.find(tag)?, self.order);
        let parts = entry.value.chunks_exact(size(entry.kind).max(1));
        let signed = |v: i64| u64::try_from(v).ok();
        let number = |b: &[u8]| match entry.kind {
            1 | 7 => Some(u64::from(b[0])),
            6 => signed(i64::from(b[0] as i8)),
            3 => Some(u64::from(order.u16(b))),
            8 => signed(i64::from(order.u16(b) as i16)),
            4 | 13 => Some(u64::from(order.u32(b))),
            9 => signed(i64::from(order.u32(b) as i32)),
            16 | 18 => Some(order.u64(b)),
            17 => signed(order.u64(b) as i64),
            _ => None,
        };
        parts.map(number).collect()
    }

    /// A field's first value as a whole number.
    pub(in crate::picture) fn number(&self, tag: u16) -> Option<u64> {
        self.numbers(tag)?.first().copied()
    }

    /// A field's first value as a fraction, whole number or float.
    pub(in crate::picture) fn real(&self, tag: u16) -> Option<f64> {
        let (entry, order) = (self.find(tag)?, self.order);
        let value = match entry.kind {
            5 if entry.value.len() >= 8 => {
                f64::from(order.u32(&entry.value[..4])) / f64::from(order.u32(&entry.value[4..8]))
            }
            11 if entry.value.len() >= 4 => f64::from(f32::from_bits(order.u32(&entry.value[..4]))),
            12 if entry.value.len() >= 8 => f64::from_bits(order.u64(&entry.value[..8])),
            _ => self.number(tag)? as f64,
        };
        value.is_finite().then_some(value)
    }

    /// Puts a field in place of the one with its tag.
    pub(in crate::picture) fn set(&mut self, tag: u16, kind: u16, value: Vec<u8>) {
        self.entries.retain(|entry| entry.tag != tag);
        self.entries.push(Entry { tag, kind, value, at: 0 });
    }

    pub(in crate::picture) fn set_short(&mut self, tag: u16, values: &[u16]) {
        let mut bytes = Vec::new();
        values.iter().for_each(|v| self.order.put16(&mut bytes, *v));
        self.set(tag, kind::SHORT, bytes);
    }

    pub(in crate::picture) fn set_long(&mut self, tag: u16, values: &[u32]) {
        let mut bytes = Vec::new();
        values.iter().for_each(|v| self.order.put32(&mut bytes, *v));
        self.set(tag, kind::LONG, bytes);
    }

    /// A fraction with four decimals.
    pub(in crate::picture) fn set_rational(&mut self, tag: u16, value: f64) {
        let mut bytes = Vec::new();
        self.order.put32(&mut bytes, (value * 10_000.0).round() as u32);
        self.order.put32(&mut bytes, 10_000);
        self.set(tag, kind::RATIONAL, bytes);
    }

    /// Appends the directory, its values behind it, to `out`, whose first byte is byte `base` of the structure; the
    /// fields in `children` point to directories that follow. Gives where it begins.
    pub(in crate::picture) fn append(&self, out: &mut Vec<u8>, children: &[(u16, Ifd)]) -> u32 {
        let order = self.order;
        let mut entries = self.entries.clone();
        for (tag, _) in children {
            entries.retain(|entry| entry.tag != *tag);
            entries.push(Entry { tag: *tag, kind: kind::LONG, value: vec![0; 4], at: 0 });
        }
        entries.sort_by_key(|entry| entry.tag);
        if out.len() % 2 == 1 {
            out.push(0);
        }
        let start = out.len();
        let mut values_at = start + 2 + 12 * entries.len() + 4;
        let (mut values, mut pointers) = (Vec::new(), Vec::new());
        order.put16(out, entries.len() as u16);
        for entry in &entries {
            order.put16(out, entry.tag);
            order.put16(out, entry.kind);
            order.put32(out, (entry.value.len() / size(entry.kind).max(1)) as u32);
            if entry.value.len() <= 4 {
                if let Some(child) = children.iter().position(|(tag, _)| *tag == entry.tag) {
                    pointers.push((child, out.len()));
                }
                out.extend(&entry.value);
                out.extend(vec![0; 4 - entry.value.len()]);
            } else {
                order.put32(out, values_at as u32);
                values.extend(&entry.value);
                if entry.value.len() % 2 == 1 {
                    values.push(0);
                }
                values_at = start + 2 + 12 * entries.len() + 4 + values.len();
            }
        }
        order.put32(out, 0);
        out.extend(values);
        for (child, at) in pointers {
            let where_ = children[child].1.append(out, &[]);
            let mut pointer = Vec::new();
            order.put32(&mut pointer, where_);
            out[at..at + 4].copy_from_slice(&pointer);
        }
        start as u32
    }

    /// The directory as a TIFF structure of its own.
    pub(in crate::picture) fn to_bytes(&self, children: &[(u16, Ifd)]) -> Vec<u8> {
        let mut out = head_bytes(self.order);
        let start = self.append(&mut out, children);
        set_first(&mut out, self.order, start);
        out
    }
}

/// Eight bytes of head; [`set_first`] fills in the directory.
pub(in crate::picture) fn head_bytes(order: Order) -> Vec<u8> {
    let mut out = if order == Order::Little { b"II".to_vec() } else { b"MM".to_vec() };
    order.put16(&mut out, 42);
    order.put32(&mut out, 0);
    out
}

/// Says in the head where the first directory begins.
pub(in crate::picture) fn set_first(out: &mut [u8], order: Order, start: u32) {
    let mut pointer = Vec::new();
    order.put32(&mut pointer, start);
    out[4..8].copy_from_slice(&pointer);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for order in [Order::Little, Order::Big] {
            let mut ifd = Ifd::new(order);
            ifd.set_short(0x112, &[6]);
            ifd.set(0x10E, 2, b"a longer text\0".to_vec());
            ifd.set_rational(0x11A, 300.0);
            let mut child = Ifd::new(order);
            child.set_long(0xA002, &[4000]);
            child.set(0x9286, kind::UNDEFINED, vec![7; 9]);
            let bytes = ifd.to_bytes(&[(0x8769, child.clone())]);
            let head = head(&bytes).unwrap();
            let again = head.ifd(&bytes, head.first).unwrap();
            assert_eq!(again.number(0x112), Some(6));
            assert_eq!(again.find(0x10E).unwrap().value, b"a longer text\0");
            assert_eq!(again.real(0x11A), Some(300.0));
            let at = again.number(0x8769).unwrap() as usize;
            let below = head.ifd(&bytes, at).unwrap();
            assert_eq!((below.number(0xA002), below.find(0x9286).unwrap().value.len()), (Some(4000), 9));
        }
    }

    #[test]
    fn rubbish_is_no_directory() {
        assert!(head(b"II*").is_none() && head(b"PK\x03\x04....").is_none());
        let far = b"II*\0\xFF\xFF\xFF\xFF";
        assert!(head(far).unwrap().ifd(far, 0xFFFF_FFFF).is_none());
        assert!(head(far).unwrap().ifd(far, usize::MAX).is_none());
        // 65 535 fields of which none is there, and a value that lies outside.
        let many = b"II*\0\x08\0\0\0\xFF\xFF";
        assert!(head(many).unwrap().ifd(many, 8).is_none());
        let outside = b"II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\xFF\xFF\xFF\xFF\x01\0\0\0\0\0\0\0";
        assert!(head(outside).unwrap().ifd(outside, 8).unwrap().entries.is_empty());
    }
}
