//! What a pickle builds: values in one arena that refer to each other by index.
//!
//! So nesting and cycles cost nothing, and sharing copies nothing.

use crate::text::clip;
use crate::weights::dtype::Dtype;

/// A value; texts, containers and objects are in the arena.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// What nothing here asks for: a float, an integer of more than 64 bits, bytes.
    Opaque,
    Node(usize),
}

/// What the arena holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    Text(String),
    Tuple(Vec<Value>),
    /// Also a set.
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    Callable(Callable),
    Storage(TypedStorage),
    Tensor(Tensor),
    /// What a foreign callable would have made; the index is the callable's node.
    Object(usize),
}

/// What a pickle may name.
#[derive(Debug, Clone, PartialEq)]
pub enum Callable {
    OrderedDict,
    /// `torch._utils._rebuild_tensor` and `_v2`: storage, offset, size, stride, …
    Tensor,
    /// `torch._utils._rebuild_parameter` and `torch.nn.parameter.Parameter`: data, …
    Parameter,
    /// `torch.FloatStorage` and its kin, which only persistent ids name.
    Storage(Dtype),
    /// Any other, by its clipped name: never run.
    Foreign(String),
}

/// A block of values that the file keeps beside the pickle.
#[derive(Debug, Clone, PartialEq)]
pub struct TypedStorage {
    /// The name under which the file keeps it.
    pub key: String,
    pub dtype: Dtype,
    /// Number of values.
    pub length: u64,
}

impl TypedStorage {
    /// Bytes of one value, also of the types that a checkpoint may hold beside its weights.
    pub fn value_size(&self) -> Option<u64> {
        self.dtype.size().map(|size| size as u64).or(match &self.dtype {
            Dtype::Other(name) => match name.as_str() {
                "ComplexDoubleStorage" => Some(16),
                "LongStorage" | "ComplexFloatStorage" => Some(8),
                "IntStorage" => Some(4),
                "ShortStorage" => Some(2),
                "CharStorage" | "BoolStorage" | "UntypedStorage" => Some(1),
                _ => None,
            },
            _ => None,
        })
    }
}

/// An array over a storage.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    pub storage: TypedStorage,
    pub shape: Vec<usize>,
    /// Row-major without gaps from the storage's first value to its last.
    pub whole: bool,
}

/// What a pickle built.
#[derive(Debug, Default)]
pub struct Pickle {
    nodes: Vec<Node>,
    root: Option<Value>,
}

impl Pickle {
    /// The node of a value, if it has one.
    pub fn node(&self, value: Value) -> Option<&Node> {
        match value {
            Value::Node(index) => self.nodes.get(index),
            _ => None,
        }
    }

    /// The same, to be changed in place.
    pub(super) fn node_mut(&mut self, value: Value) -> Option<&mut Node> {
        match value {
            Value::Node(index) => self.nodes.get_mut(index),
            _ => None,
        }
    }

    /// Every storage that the pickle speaks of.
    pub fn storages(&self) -> impl Iterator<Item = &TypedStorage> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Storage(storage) => Some(storage),
            _ => None,
        })
    }

    /// The value that the whole pickle stands for.
    pub fn root(&self) -> Option<Value> {
        self.root
    }

    /// Its node, if it has one.
    pub fn root_node(&self) -> Option<&Node> {
        self.node(self.root?)
    }

    pub(super) fn set_root(&mut self, root: Value) {
        self.root = Some(root);
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
    pub(super) fn take_list(&mut self, value: Value) -> Option<Vec<Value>> {
        match self.node_mut(value) {
            Some(Node::List(items)) => Some(std::mem::take(items)),
            _ => None,
        }
    }

    /// Adds a node and gives the value that refers to it.
    pub(super) fn push(&mut self, node: Node) -> Value {
        self.nodes.push(node);
        Value::Node(self.nodes.len() - 1)
    }

    /// What a value is, for a sentence that says that it is not what it should be.
    pub fn kind(&self, value: Value) -> String {
        let class = |callable: Option<&Node>| match callable {
            Some(Node::Callable(Callable::Foreign(name))) => name.clone(),
            _ => "a PyTorch class".into(),
        };
        match (value, self.node(value)) {
            (Value::None, _) => "None".into(),
            (Value::Bool(_), _) => "a truth value".into(),
            (Value::Int(_), _) => "an integer".into(),
            (_, Some(Node::Text(_))) => "a text".into(),
            (_, Some(Node::Tuple(_))) => "a tuple".into(),
            (_, Some(Node::List(_))) => "a list".into(),
            (_, Some(Node::Dict(_))) => "a dictionary".into(),
            (_, Some(Node::Storage(_))) => "a storage".into(),
            (_, Some(Node::Tensor(_))) => "a tensor".into(),
            (_, Some(Node::Object(callable))) => {
                format!("an object of {}", class(self.nodes.get(*callable)))
            }
            (_, Some(node @ Node::Callable(_))) => class(Some(node)),
            (Value::Opaque | Value::Node(_), _) => "a number or bytes".into(),
        }
    }
}

/// The sentence for a pickle that no `torch.save` wrote.
pub fn damaged(what: &str) -> String {
    let what = clip(what);
    format!("its pickle cannot be read: {what}; save it again with torch.save(model.state_dict(), FILE)")
}
