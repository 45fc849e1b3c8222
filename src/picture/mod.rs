//! Pictures: from a file to planar RGB in [0, 1] and back.
