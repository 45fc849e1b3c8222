//! Tests of the `.npy` header: what NumPy writes, what hostile files hold.

use super::*;
use std::time::Instant;

fn npy(text: &str) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

fn read(text: &str) -> Message<Header> {
    header(&mut &npy(text)[..])
}

#[test]
fn headers_as_numpy_writes_them() {
    let read = |text| read(text).unwrap();
    let header = read("{'descr': '<f4', 'fortran_order': False, 'shape': (64, 3, 3, 3), }          \n");
    assert_eq!((header.dtype, header.shape), (Dtype::F32, vec![64, 3, 3, 3]));
    assert_eq!(read("{'descr': '<f2', 'fortran_order': False, 'shape': (5,), }\n").shape, [5]);
    assert_eq!(read("{'descr': '<f8', 'fortran_order': False, 'shape': (), }\n").shape, [0usize; 0]);
    // A vector is the same in both orders, and NumPy marks some vectors so.
    assert_eq!(read("{'descr': '|u1', 'fortran_order': True, 'shape': (5,), }\n").dtype, Dtype::U8);
    assert_eq!(
        read("{'shape': (2, 3), 'fortran_order': False, 'descr': '>f4'}").dtype,
        Dtype::Other(">f4".into())
    );
}

#[test]
fn fortran_order_is_refused_with_the_remedy() {
    let message = read("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 3), }\n").unwrap_err();
    assert!(message.contains("ascontiguousarray"), "{message}");
}

#[test]
fn other_headers_are_refused_at_once() {
    let nested = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {}}}", "[".repeat(50));
    let deep = format!("{{'descr': {}{}}}", "(".repeat(1500), ")".repeat(1500));
    let begun = Instant::now();
    for text in [
        nested.as_str(),
        deep.as_str(),
        "",
        "{}",
        "()",
        "{()}",
        "({})",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<f4', 'fortran_order': 1, 'shape': (3,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,), }",
        "{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'more': 1}",
        "{'descr': '<f4', 'shape': (3,), }",
        "{'descr': '<f4', 'fortran_order': False, (3,), }",
        "{'descr': '<f4\\', 'fortran_order': False, 'shape': (3,)é",
    ] {
        let message = read(text).unwrap_err();
        assert!(message.chars().count() < 200, "{message}");
    }
    assert!(begun.elapsed().as_secs() < 2);
}

#[test]
fn long_and_cut_headers_are_refused() {
    let mut long = b"\x93NUMPY\x02\x00".to_vec();
    long.extend(u32::MAX.to_le_bytes());
    assert!(header(&mut &long[..]).unwrap_err().contains("4294967295 bytes"));
    let whole = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n");
    for length in 0..whole.len() {
        assert!(header(&mut &whole[..length]).is_err(), "{length}");
    }
    assert!(header(&mut &b"\x93NUMPY\x09\x00......"[..]).unwrap_err().contains("version"));
    assert!(header(&mut &b"GIF89a..........."[..]).unwrap_err().contains("numpy.savez"));
}

#[test]
fn written_arrays_are_aligned_and_read_back() {
    for shape in [&[][..], &[2], &[2, 3], &[2, 3, 3, 3]] {
        let count = shape.iter().product();
        let mut bytes = Vec::new();
        write_f32(&mut bytes, shape, &vec![1.5; count]).unwrap();
        assert_eq!((bytes.len() - 4 * count) % 64, 0);
        let mut reader = &bytes[..];
        let header = header(&mut reader).unwrap();
        assert_eq!((&header.dtype, &header.shape[..]), (&Dtype::F32, shape));
        assert_eq!(reader.len(), 4 * count);
        assert_eq!(floats(&header, reader).unwrap(), vec![1.5; count]);
    }
}

#[test]
fn every_float_type_is_read_by_npyz_and_no_other() {
    let typed = |descr: &str| {
        read(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (2,), }}\n")).unwrap()
    };
    let half = [half::f16::from_f32(-1.5), half::f16::from_f32(0.25)];
    for (descr, bytes) in [
        ("<f2", half.map(half::f16::to_le_bytes).concat()),
        ("<f4", [-1.5f32, 0.25].map(f32::to_le_bytes).concat()),
        ("<f8", [-1.5f64, 0.25].map(f64::to_le_bytes).concat()),
    ] {
        assert_eq!(floats(&typed(descr), &bytes).unwrap(), [-1.5, 0.25], "{descr}");
        assert!(floats(&typed(descr), &bytes[..bytes.len() - 1]).is_err(), "{descr}");
    }
    assert!(floats(&typed("|u1"), &[1, 2]).unwrap_err().contains("uint8"));
}
