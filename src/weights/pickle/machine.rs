//! The stack machine that runs a pickle into plain values.
//!
//! It knows the opcodes of protocols 2 to 5, of which `torch.save` writes 2 unless it is told another. No opcode copies
//! more than a few values and the length of the pickle is limited, so that memory and time are. Opcodes: CPython's
//! `Lib/pickletools.py`.

use super::torch;
use super::values::{Node, Pickle, Value, damaged};
use crate::text::Message;
use std::collections::HashMap;
use std::io::{Read, Take};

/// A VGG-19's pickle has 6 KB, a checkpoint's some tens.
const MAX_PICKLE: u64 = 1 << 20;

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
}

/// The stack machine at work.
struct Machine<R> {
    input: Take<R>,
    pickle: Pickle,
    stack: Vec<Value>,
    /// Heights of the stack that `MARK` noted.
    marks: Vec<usize>,
    memo: HashMap<u64, Value>,
}

impl<R: Read> Machine<R> {
    fn run(mut self) -> Message<Pickle> {
        loop {
            let [opcode] = self.take()?;
            if opcode == b'.' {
                let root = self.pop()?;
                self.pickle.set_root(root);
                return Ok(self.pickle);
            }
            self.step(opcode)?;
        }
    }

    fn step(&mut self, opcode: u8) -> Message<()> {
        let value = match opcode {
            PROTO => {
                let [protocol] = self.take()?;
                return match protocol {
                    0..=5 => Ok(()),
                    other => Err(damaged(&format!("its protocol is {other}; 2 to 5 are read"))),
                };
            }
            FRAME => return self.take::<8>().map(drop),
            b'(' => {
                self.marks.push(self.stack.len());
                return Ok(());
            }
            b'N' => Value::None,
            NEWTRUE => Value::Bool(true),
            NEWFALSE => Value::Bool(false),
            b'K' => Value::Int(self.take::<1>()?[0].into()),
            b'M' => Value::Int(u16::from_le_bytes(self.take()?).into()),
            b'J' => Value::Int(i32::from_le_bytes(self.take()?).into()),
            LONG1 => {
                let [length] = self.take()?;
                self.long(length.into())?
            }
            LONG4 => {
                let length = u32::from_le_bytes(self.take()?);
                self.long(length.into())?
            }
            b'G' => self.take::<8>().map(|_| Value::Opaque)?,
            // Texts; Python 2 wrote names as SHORT_BINSTRING.
            b'U' | SHORT_BINUNICODE => {
                let [length] = self.take()?;
                self.text(length.into())?
            }
            b'T' | b'X' => {
                let length = u32::from_le_bytes(self.take()?);
                self.text(length.into())?
            }
            BINUNICODE8 => {
                let length = u64::from_le_bytes(self.take()?);
                self.text(length)?
            }
            // Bytes
            b'C' => {
                let [length] = self.take()?;
                self.bytes(length.into()).map(|_| Value::Opaque)?
            }
            b'B' => {
                let length = u32::from_le_bytes(self.take()?);
                self.bytes(length.into()).map(|_| Value::Opaque)?
            }
            BINBYTES8 | BYTEARRAY8 => {
                let length = u64::from_le_bytes(self.take()?);
                self.bytes(length).map(|_| Value::Opaque)?
            }
            NEXT_BUFFER | READONLY_BUFFER => {
                return Err(damaged("its values lie outside of it (out-of-band buffers)"));
            }
            b')' => self.pickle.push(Node::Tuple(Vec::new())),
            b']' | EMPTY_SET => self.pickle.push(Node::List(Vec::new())),
            b'}' => self.pickle.push(Node::Dict(Vec::new())),
            b't' => {
                let items = self.marked()?;
                self.pickle.push(Node::Tuple(items))
            }
            FROZENSET => {
                let items = self.marked()?;
                self.pickle.push(Node::List(items))
            }
            TUPLE1..=TUPLE3 => {
                let items = self.top(usize::from(opcode - TUPLE1) + 1)?;
                self.pickle.push(Node::Tuple(items))
            }
            b'h' | b'j' => {
                let index = self.index(opcode == b'j')?;
                *self.memo.get(&index).ok_or_else(|| damaged("it recalls what it never stored"))?
            }
            b'q' | b'r' => {
                let index = self.index(opcode == b'r')?;
                return self.memoize(index);
            }
            MEMOIZE => return self.memoize(self.memo.len() as u64),
            // POP, POP_MARK, DUP
            b'0' => return self.pop().map(drop),
            b'1' => return self.marked().map(drop),
            b'2' => *self.stack.last().ok_or_else(|| damaged("its stack is empty"))?,
            b'a' | b'e' | ADDITEMS => return self.append(opcode != b'a'),
            b's' | b'u' => return self.set(opcode == b'u'),
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.pickle.push(Node::Callable(torch::callable(&module, &name)))
            }
            STACK_GLOBAL => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Some(module), Some(name)) = (self.pickle.text(module), self.pickle.text(name)) else {
                    return Err(damaged("it asks for what has no name"));
                };
                let callable = torch::callable(module, name);
                self.pickle.push(Node::Callable(callable))
            }
            // REDUCE
            b'R' | NEWOBJ => {
                let (arguments, callable) = (self.pop()?, self.pop()?);
                torch::call(&mut self.pickle, callable, arguments)?
            }
            NEWOBJ_EX => {
                let (_named, arguments, callable) = (self.pop()?, self.pop()?, self.pop()?);
                torch::call(&mut self.pickle, callable, arguments)?
            }
            // BUILD: attributes of an object (a state dict's `_metadata`), which no array depends on.
            b'b' => return self.pop().map(drop),
            b'Q' => {
                let identity = self.pop()?;
                torch::persistent(&mut self.pickle, identity)?
            }
            b'F' | b'I' | b'L' | b'P' | b'S' | b'V' | b'd' | b'g' | b'i' | b'l' | b'o' | b'p' => {
                return Err(damaged("it is of protocol 0 or 1; 2 to 5 are read"));
            }
            other => return Err(damaged(&format!("opcode 0x{other:02x} has no place in a state dict"))),
        };
        self.stack.push(value);
        Ok(())
    }

    /// An integer of `length` bytes: little-endian two's complement.
    fn long(&mut self, length: u64) -> Message<Value> {
        let mut bytes = self.bytes(length)?;
        if bytes.len() > 8 {
            return Ok(Value::Opaque);
        }
        let sign = if bytes.last().is_some_and(|&byte| byte >= 128) { 255 } else { 0 };
        bytes.resize(8, sign);
        Ok(Value::Int(bytes.iter().rev().fold(0, |number, &byte| (number << 8) | i64::from(byte))))
    }

    fn memoize(&mut self, index: u64) -> Message<()> {
        let &top = self.stack.last().ok_or_else(|| damaged("its stack is empty"))?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn append(&mut self, many: bool) -> Message<()> {
        let items = if many { self.marked()? } else { self.top(1)? };
        match self.target()? {
            Node::List(list) => list.extend(items),
            Node::Object(_) => {}
            _ => return Err(damaged("it appends to what is no list")),
        }
        Ok(())
    }

    fn set(&mut self, many: bool) -> Message<()> {
        let items = if many { self.marked()? } else { self.top(2)? };
        let (pairs, []) = items.as_chunks::<2>() else { return Err(damaged("a key has no value")) };
        match self.target()? {
            Node::Dict(dict) => dict.extend(pairs.iter().map(|&[key, value]| (key, value))),
            Node::Object(_) => {}
            _ => return Err(damaged("it sets items of what is no dictionary")),
        }
        Ok(())
    }

    /// The node on top of the stack, to be changed in place.
    fn target(&mut self) -> Message<&mut Node> {
        let top = self.stack.last().copied();
        top.and_then(|top| self.pickle.node_mut(top)).ok_or_else(|| damaged("it fills what holds nothing"))
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

    fn index(&mut self, long: bool) -> Message<u64> {
        if long {
            self.take().map(|bytes| u32::from_le_bytes(bytes).into())
        } else {
            self.take().map(|[byte]| byte.into())
        }
    }

    /// A text; what is no UTF-8 (Python 2's strings may be bytes) is of no use here.
    fn text(&mut self, length: u64) -> Message<Value> {
        let bytes = self.bytes(length)?;
        Ok(String::from_utf8(bytes).map_or(Value::Opaque, |text| self.pickle.push(Node::Text(text))))
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

    fn bytes(&mut self, length: u64) -> Message<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = (&mut self.input).take(length).read_to_end(&mut bytes);
        if read.is_err() || bytes.len() as u64 != length { Err(self.ended()) } else { Ok(bytes) }
    }

    fn take<const N: usize>(&mut self) -> Message<[u8; N]> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).map_err(|_| self.ended())?;
        Ok(bytes)
    }

    /// Why there are no more bytes.
    fn ended(&self) -> String {
        match self.input.limit() {
            0 => damaged(&format!("it is longer than the {MAX_PICKLE} bytes that are read")),
            _ => damaged("it is cut short"),
        }
    }
}

/// Opcodes that are no letters, by their names in `pickletools`.
const PROTO: u8 = 0x80;
const NEWOBJ: u8 = 0x81;
const TUPLE1: u8 = 0x85;
const TUPLE3: u8 = 0x87;
const NEWTRUE: u8 = 0x88;
const NEWFALSE: u8 = 0x89;
const LONG1: u8 = 0x8a;
const LONG4: u8 = 0x8b;
const SHORT_BINUNICODE: u8 = 0x8c;
const BINUNICODE8: u8 = 0x8d;
const BINBYTES8: u8 = 0x8e;
const EMPTY_SET: u8 = 0x8f;
const ADDITEMS: u8 = 0x90;
const FROZENSET: u8 = 0x91;
const NEWOBJ_EX: u8 = 0x92;
const STACK_GLOBAL: u8 = 0x93;
const MEMOIZE: u8 = 0x94;
const FRAME: u8 = 0x95;
const BYTEARRAY8: u8 = 0x96;
const NEXT_BUFFER: u8 = 0x97;
const READONLY_BUFFER: u8 = 0x98;

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
