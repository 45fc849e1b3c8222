//! Tests of the stack machine: every opcode, broken programs, programs that try to take time or memory.

use super::*;

fn read(bytes: &[u8]) -> Message<Pickle> {
    Pickle::read(&mut &bytes[..])
}

#[test]
fn plain_values_are_built() {
    let pickle = read(b"\x80\x02}q\x00(X\x01\x00\x00\x00aK\x07U\x01b\x8a\x02\xff\xffu.").unwrap();
    let Some(Node::Dict(pairs)) = pickle.root_node() else { panic!("{pickle:?}") };
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
    let protocol_4 =
        b"\x80\x04\x95\x15\0\0\0\0\0\0\0\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x02ls\x85R.";
    for bytes in [&b"cos\nsystem\n(X\x02\x00\x00\x00lstR."[..], protocol_4] {
        let message = torch::state_dict(&read(bytes).unwrap()).unwrap_err();
        assert!(message.contains("an object of os.system, not a state dict, and no code"), "{message}");
    }
    let model = read(b"ctorchvision.models.vgg\nVGG\n)\x81}X\x01\0\0\0aNsb.").unwrap();
    let message = torch::state_dict(&model).unwrap_err();
    assert!(message.contains("torchvision.models.vgg.VGG") && message.contains("state_dict()"), "{message}");
}

/// One value of each kind, as CPython's `pickle` writes it by protocol 2 and by 5, some of both by hand.
#[test]
fn every_opcode_of_protocols_2_to_5_is_known() {
    for (bytes, expected) in [
        (&b"\x80\x05\x95\x04\0\0\0\0\0\0\0\x8c\x01a."[..], "a text"),
        (b"\x80\x04\x8d\x01\0\0\0\0\0\0\0a.", "a text"),
        (b"\x80\x02U\x02\xff\xfe.", "a number or bytes"),
        (b"\x80\x03C\x01\xff.", "a number or bytes"),
        (b"\x80\x03B\x01\0\0\0\xff.", "a number or bytes"),
        (b"\x80\x04\x8e\x01\0\0\0\0\0\0\0\xff.", "a number or bytes"),
        (b"\x80\x05\x96\x01\0\0\0\0\0\0\0\xff.", "a number or bytes"),
        (b"\x80\x02G?\xf0\0\0\0\0\0\0.", "a number or bytes"),
        (b"\x80\x02\x8b\x01\0\0\0\x07.", "an integer"),
        (b"\x80\x02\x8a\x09\0\0\0\0\0\0\0\0\x01.", "a number or bytes"),
        (b"\x80\x04\x8f\x94(K\x01K\x02\x90.", "a list"),
        (b"\x80\x04(K\x01\x91\x94.", "a list"),
        (b"\x80\x02cm\nC\nq\x00)\x81q\x01.", "an object of m.C"),
        (b"\x80\x04\x8c\x01m\x8c\x01C\x93)}\x92.", "an object of m.C"),
        (b"\x80\x02cm\nC\n)R(K\x01e(K\x01K\x02u}b.", "an object of m.C"),
        (b"\x80\x02cm\nC\n.", "m.C"),
        (b"\x80\x02K\x01K\x020.", "an integer"),
        (b"\x80\x02K\x01(K\x021.", "an integer"),
        (b"\x80\x02K\x012\x86.", "a tuple"),
        (b"\x80\x04\x8c\x01a\x94h\x00\x86.", "a tuple"),
        (b"\x80\x02N.", "None"),
        (b"\x80\x02\x88.", "a truth value"),
    ] {
        let pickle = read(bytes).unwrap_or_else(|message| panic!("{bytes:?}: {message}"));
        assert_eq!(pickle.kind(pickle.root().unwrap()), expected, "{bytes:?}");
    }
    for (bytes, expected) in [
        (&b"\x80\x06N."[..], "its protocol is 6; 2 to 5 are read"),
        (b"I7\n.", "it is of protocol 0 or 1"),
        (b"\x80\x05\x97.", "out-of-band"),
        (b"\x80\x02\xff.", "opcode 0xff"),
    ] {
        let message = read(bytes).unwrap_err();
        assert!(message.contains(expected), "{message}");
    }
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
        b"K\x01K\x02\x93.",
        b"\x80",
        b"\x95\x01",
        b"2.",
        b"\x94.",
        b"1.",
        b"K\x01N\x81.",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\xffabc",
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
    assert!(read(&vec![b'('; 2 << 20]).unwrap_err().contains("longer than the 1048576 bytes"));
    // A long list of pairs, turned into dictionaries as often as fits.
    let mut pairs = b"NN\x86q\x00ccollections\nOrderedDict\nq\x01](".to_vec();
    pairs.extend(b"h\x00".repeat(200_000));
    pairs.extend(b"eq\x02");
    pairs.extend(b"h\x01h\x02\x85R".repeat(80_000));
    pairs.push(b'.');
    assert!(read(&pairs).is_ok());
    // A long name that is asked for many times.
    let mut names = b"\x80\x04X\x00\x00\x08\x00".to_vec();
    names.extend([b'm'].repeat(512 << 10));
    names.extend(b"\x94");
    names.extend(b"h\x00h\x00\x930".repeat(80_000));
    names.extend(b".");
    assert!(read(&names).is_ok());
    let cycle = b"]q\x00h\x00a.";
    assert!(read(cycle).is_ok());
}
