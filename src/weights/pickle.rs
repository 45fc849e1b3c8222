//! A restricted reader of Python pickles: exactly what a PyTorch state dict needs, and no code.
//!
//! A pickle is a program for a stack machine. This machine knows only the opcodes that `torch.save`
//! writes (protocol 2, from Python 2 and 3) and only the callables of [`torch_objects`](super::torch_objects),
//! all of which build plain data. Values live in one arena and refer to each other by index: nesting and
//! cycles cost nothing, no opcode copies more than a few values, and the length of the pickle is limited,
//! so that memory and time are. Opcodes: CPython's `Lib/pickletools.py`.

use super::torch_objects::{self, Callable, Storage, Tensor};
use crate::text::{Message, clip};
use std::collections::HashMap;
use std::io::Read;

/// A VGG-19's pickle has 6 KB.
const MAX_PICKLE: u64 = 1 << 20;

/// A value; containers and texts are in the arena.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// A number that nothing here asks for: a float, an integer of more than 64 bits.
    Number,
    Node(usize),
}

/// What the arena holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Text(String),
    Tuple(Vec<Value>),
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    Callable(Callable),
    Storage(Storage),
    Tensor(Tensor),
}

/// What a pickle built.
#[derive(Debug, Default)]
pub(super) struct Pickle {
    nodes: Vec<Node>,
    root: Option<Value>,
}

impl Pickle {
    /// Reads one pickle and leaves the reader behind its end; the reader should be buffered.
    pub fn read(reader: &mut impl Read) -> Message<Self> {
        let machine = Machine {
            input: reader.take(MAX_PICKLE),
            pickle: Self::default(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        };
        machine.run()
    }

    /// The node of a value, if it has one.
    pub fn node(&self, value: Value) -> Option<&Node> {
        match value {
            Value::Node(index) => self.nodes.get(index),
            _ => None,
        }
    }

    /// The node that the whole pickle stands for.
    pub fn root(&self) -> Option<&Node> {
        self.node(self.root?)
    }

    /// The text of a value, if it is one.
    pub fn text(&self, value: Value) -> Option<&str> {
        match self.node(value) {
            Some(Node::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The items of a value, if it is a tuple or a list.
    pub fn items(&self, value: Value) -> Option<&[Value]> {
        match self.node(value) {
            Some(Node::Tuple(items) | Node::List(items)) => Some(items),
            _ => None,
        }
    }

    /// Takes the items out of a list and leaves it empty.
    pub fn take_list(&mut self, value: Value) -> Option<Vec<Value>> {
        match value {
            Value::Node(index) => match self.nodes.get_mut(index) {
                Some(Node::List(items)) => Some(std::mem::take(items)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Adds a node and gives the value that refers to it.
    pub fn push(&mut self, node: Node) -> Value {
        self.nodes.push(node);
        Value::Node(self.nodes.len() - 1)
    }
}

/// The stack machine at work.
struct Machine<R> {
    input: R,
    pickle: Pickle,
    stack: Vec<Value>,
    /// Heights of the stack that `MARK` noted.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
}

impl<R: Read> Machine<R> {
    fn run(mut self) -> Message<Pickle> {
        loop {
            let [opcode] = self.take()?;
            if opcode == b'.' {
                self.pickle.root = Some(self.pop()?);
                return Ok(self.pickle);
            }
            self.step(opcode)?;
        }
    }

    fn step(&mut self, opcode: u8) -> Message<()> {
        let value = match opcode {
            // PROTO
            0x80 => return self.take::<1>().map(drop),
            b'(' => {
                self.marks.push(self.stack.len());
                return Ok(());
            }
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'K' => Value::Int(self.take::<1>()?[0].into()),
            b'M' => Value::Int(u16::from_le_bytes(self.take()?).into()),
            b'J' => Value::Int(i32::from_le_bytes(self.take()?).into()),
            0x8a => self.long()?,
            b'G' => self.take::<8>().map(|_| Value::Number)?,
            // SHORT_BINSTRING, BINSTRING, BINUNICODE
            b'U' => {
                let [length] = self.take()?;
                self.text(length.into())?
            }
            b'T' | b'X' => {
                let length = u32::from_le_bytes(self.take()?);
                self.text(length)?
            }
            b')' => self.pickle.push(Node::Tuple(Vec::new())),
            b']' => self.pickle.push(Node::List(Vec::new())),
            b'}' => self.pickle.push(Node::Dict(Vec::new())),
            b't' => {
                let items = self.marked()?;
                self.pickle.push(Node::Tuple(items))
            }
            0x85..=0x87 => {
                let items = self.top(usize::from(opcode - 0x84))?;
                self.pickle.push(Node::Tuple(items))
            }
            b'h' | b'j' => {
                let index = self.index(opcode == b'j')?;
                *self.memo.get(&index).ok_or_else(|| damaged("it recalls what it never stored"))?
            }
            b'q' | b'r' => {
                let index = self.index(opcode == b'r')?;
                let &top = self.stack.last().ok_or_else(|| damaged("its stack is empty"))?;
                self.memo.insert(index, top);
                return Ok(());
            }
            b'a' | b'e' => return self.append(opcode == b'e'),
            b's' | b'u' => return self.set(opcode == b'u'),
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                let callable = torch_objects::callable(&module, &name)?;
                self.pickle.push(Node::Callable(callable))
            }
            // REDUCE, NEWOBJ
            b'R' | 0x81 => {
                let (arguments, callable) = (self.pop()?, self.pop()?);
                torch_objects::call(&mut self.pickle, callable, arguments)?
            }
            // BUILD: attributes of an object (a state dict's `_metadata`), which no array depends on.
            b'b' => return self.pop().map(drop),
            b'Q' => {
                let identity = self.pop()?;
                torch_objects::persistent(&mut self.pickle, identity)?
            }
            other => return Err(damaged(&format!("opcode 0x{other:02x} has no place in a state dict"))),
        };
        self.stack.push(value);
        Ok(())
    }

    /// LONG1: little-endian two's complement of a stated length.
    fn long(&mut self) -> Message<Value> {
        let [length] = self.take()?;
        let mut bytes = Vec::with_capacity(length.into());
        for _ in 0..length {
            bytes.push(self.take::<1>()?[0]);
        }
        if bytes.len() > 8 {
            return Ok(Value::Number);
        }
        let sign = if bytes.last().is_some_and(|&byte| byte >= 128) { 255 } else { 0 };
        bytes.resize(8, sign);
        Ok(Value::Int(bytes.iter().rev().fold(0, |number, &byte| (number << 8) | i64::from(byte))))
    }

    fn append(&mut self, many: bool) -> Message<()> {
        let items = if many { self.marked()? } else { self.top(1)? };
        match self.target()? {
            Node::List(list) => list.extend(items),
            _ => return Err(damaged("it appends to what is no list")),
        }
        Ok(())
    }

    fn set(&mut self, many: bool) -> Message<()> {
        let items = if many { self.marked()? } else { self.top(2)? };
        let (pairs, []) = items.as_chunks::<2>() else { return Err(damaged("a key has no value")) };
        match self.target()? {
            Node::Dict(dict) => dict.extend(pairs.iter().map(|&[key, value]| (key, value))),
            _ => return Err(damaged("it sets items of what is no dictionary")),
        }
        Ok(())
    }

    /// The node on top of the stack, to be changed in place.
    fn target(&mut self) -> Message<&mut Node> {
        match self.stack.last() {
            Some(&Value::Node(index)) => Ok(&mut self.pickle.nodes[index]),
            _ => Err(damaged("its stack is empty")),
        }
    }

    fn pop(&mut self) -> Message<Value> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(damaged("its stack is empty"));
        }
        self.stack.pop().ok_or_else(|| damaged("its stack is empty"))
    }

    /// The top `count` values, in the order in which they were pushed.
    fn top(&mut self, count: usize) -> Message<Vec<Value>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let start = self.stack.len().checked_sub(count).filter(|&start| start >= floor);
        Ok(self.stack.split_off(start.ok_or_else(|| damaged("its stack is empty"))?))
    }

    /// Everything above the last mark, and the mark goes.
    fn marked(&mut self) -> Message<Vec<Value>> {
        let start = self.marks.pop().ok_or_else(|| damaged("a mark is missing"))?;
        Ok(self.stack.split_off(start))
    }

    fn index(&mut self, long: bool) -> Message<u32> {
        if long { self.take().map(u32::from_le_bytes) } else { self.take::<1>().map(|[byte]| byte.into()) }
    }

    fn text(&mut self, length: u32) -> Message<Value> {
        let mut bytes = Vec::new();
        let read = (&mut self.input).take(length.into()).read_to_end(&mut bytes);
        if read.is_err() || bytes.len() != length as usize {
            return Err(damaged("it is cut short"));
        }
        let text = String::from_utf8(bytes).map_err(|_| damaged("a name in it is not text"))?;
        Ok(self.pickle.push(Node::Text(text)))
    }

    fn line(&mut self) -> Message<String> {
        let mut bytes = Vec::new();
        loop {
            match self.take()? {
                [b'\n'] => return String::from_utf8(bytes).map_err(|_| damaged("a name in it is not text")),
                [byte] => bytes.push(byte),
            }
        }
    }

    fn take<const N: usize>(&mut self) -> Message<[u8; N]> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).map_err(|_| damaged("it is cut short"))?;
        Ok(bytes)
    }
}

/// The sentence for a pickle that no `torch.save` of a state dict wrote.
pub(super) fn damaged(what: &str) -> String {
    let what = clip(what);
    format!("its pickle cannot be read: {what}; save it again with torch.save(model.state_dict(), FILE)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Message<Pickle> {
        Pickle::read(&mut &bytes[..])
    }

    #[test]
    fn plain_values_are_built() {
        let pickle = read(b"\x80\x02}q\x00(X\x01\x00\x00\x00aK\x07U\x01b\x8a\x02\xff\xffu.").unwrap();
        let Some(Node::Dict(pairs)) = pickle.root() else { panic!("{pickle:?}") };
        let named: Vec<_> = pairs.iter().map(|&(k, v)| (pickle.text(k).unwrap(), v)).collect();
        assert_eq!(named, [("a", Value::Int(7)), ("b", Value::Int(-1))]);
    }

    #[test]
    fn the_reader_stops_behind_the_end() {
        let mut bytes = &b"\x80\x02M\xe9\x03.rest"[..];
        Pickle::read(&mut bytes).unwrap();
        assert_eq!(bytes, b"rest");
    }

    #[test]
    fn code_is_refused_by_name() {
        let message = read(b"cos\nsystem\n(X\x02\x00\x00\x00lstR.").unwrap_err();
        assert!(message.contains("os.system"), "{message}");
        let message = read(b"ctorchvision.models.vgg\nVGG\n)\x81.").unwrap_err();
        assert!(message.contains("state_dict"), "{message}");
    }

    #[test]
    fn broken_programs_are_refused() {
        for bytes in [
            &b""[..],
            b".",
            b"(.",
            b"t.",
            b"K",
            b"a.",
            b"]a.",
            b"]K\x01s.",
            b"}(K\x01u.",
            b"h\x00.",
            b"q\x00.",
            b"R.",
            b"NNR.",
            b"NQ.",
            b")Q.",
            b"X\xff\xff\xff\xffabc",
            b"(K\x01(0.",
            b"]K\x01K\x02K\x03s.",
            b"\x8a\x09",
            b"ccollections\nOrderedDict\nNR.",
            b"ctorch._utils\n_rebuild_tensor_v2\n)R.",
            b"K\x01(\x85.",
        ] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn deep_and_long_programs_end_quickly() {
        let mut deep = vec![b')'; 1];
        deep.extend(std::iter::repeat_n(0x85, 900_000));
        deep.push(b'.');
        assert!(read(&deep).is_ok());
        assert!(read(&vec![b'('; 2 << 20]).unwrap_err().contains("cut short"));
        // A long list of pairs, turned into dictionaries as often as fits.
        let mut pairs = b"NN\x86q\x00ccollections\nOrderedDict\nq\x01](".to_vec();
        pairs.extend(b"h\x00".repeat(200_000));
        pairs.extend(b"eq\x02");
        pairs.extend(b"h\x01h\x02\x85R".repeat(80_000));
        pairs.push(b'.');
        assert!(read(&pairs).is_ok());
        let cycle = b"]q\x00h\x00a.";
        assert!(read(cycle).is_ok());
    }
}
