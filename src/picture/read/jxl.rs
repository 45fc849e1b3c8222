//! JPEG XL: decoded by the format's own library in Rust; its first frame.

use jxl::api::{
    AlphaMode, Endianness, Event, ExtraChannel, JxlColorEncoding, JxlColorProfile, JxlColorType,
    JxlDataFormat, JxlDecoder, JxlDecoderOptions, JxlOutputBuffer, JxlPixelFormat, JxlTransferFunction,
};

use super::samples::{Alpha, Samples, Store};
use super::{Source, room};
use crate::picture::colour::{Description, Model};
use crate::picture::limits;
use crate::picture::metadata::Metadata;
use crate::picture::warning::{Warning, WarningKind};

/// Reads a JPEG XL. Its orientation is in its header and applied by its decoder.
pub(super) fn read(bytes: &[u8]) -> Result<Source, String> {
    let mut options = JxlDecoderOptions::default();
    options.alpha_mode = AlphaMode::Unpremultiplied;
    options.sample_limit = Some(limits::MAX_BYTES as usize);
    let mut decoder = JxlDecoder::new(options);
    let mut input = bytes;
    advance(&mut decoder, &mut input, None, |event| *event == Event::BasicInfo)?;
    let damaged = |what: &str| format!("the JPEG XL is damaged or incomplete ({what}); get a complete copy");
    let info = decoder.basic_info().ok_or_else(|| damaged("no header"))?.clone();
    let (width, height) = info.size;
    let profile = decoder.output_color_profile().ok_or_else(|| damaged("no colours"))?;
    if matches!(profile.transfer_function(), Some(JxlTransferFunction::PQ | JxlTransferFunction::HLG)) {
        return Err("is a JPEG XL of high dynamic range, which is not read; bring it to sRGB first".into());
    }
    if profile.is_cmyk() {
        return Err("is a JPEG XL in CMYK, which is not read; convert it to sRGB first".into());
    }
    let grey = profile.channels() == 1;
    let plain = profile.same_color_encoding(&JxlColorProfile::Simple(JxlColorEncoding::srgb(grey)));
    let icc = profile.try_as_icc().filter(|_| !plain).map(|icc| icc.into_owned());
    let clear = info.extra_channels.iter().any(|channel| channel.ec_type == ExtraChannel::Alpha);
    let sixteen = info.bit_depth.bits_per_sample() > 8;
    let (store, format) = if sixteen {
        (Store::U16, JxlDataFormat::U16 { endianness: Endianness::native(), bit_depth: 16 })
    } else {
        (Store::U8, JxlDataFormat::U8 { bit_depth: 8 })
    };
    let (model, colour) = match (grey, clear) {
        (true, false) => (Model::Grey, JxlColorType::Grayscale),
        (true, true) => (Model::Grey, JxlColorType::GrayscaleAlpha),
        (false, false) => (Model::Rgb, JxlColorType::Rgb),
        (false, true) => (Model::Rgb, JxlColorType::Rgba),
    };
    let row = width.saturating_mul(colour.samples_per_pixel() * store.bytes());
    limits::check(width, height, (row as u64).saturating_mul(height as u64))?;
    let pixel_format = JxlPixelFormat {
        color_type: colour,
        color_data_format: Some(format),
        extra_channel_format: vec![None; info.extra_channels.len()],
    };
    decoder.set_pixel_format(pixel_format).map_err(|error| damaged(&error.to_string()))?;
    // Rows of 16-bit values want to begin at even places, as vectors of bytes do in practice and of words always.
    let mut pixels = room(row * height, width, height)?;
    let mut more = false;
    advance(&mut decoder, &mut input, Some((&mut pixels, height, row)), |event| {
        more |= *event == Event::FrameComplete { has_more_frames: true };
        matches!(event, Event::FrameComplete { .. })
    })?;
    let warnings = more
        .then(|| Warning::new(WarningKind::Frames, "it is an animation; its first frame is taken"))
        .into_iter()
        .collect();
    let alpha = if clear { Alpha::Straight } else { Alpha::None };
    Ok(Source {
        samples: Samples { width, height, model, alpha, store, bytes: pixels },
        colours: icc.map(Description::Icc).into_iter().collect(),
        orientation: None,
        metadata: Metadata::default(),
        warnings,
    })
}

/// Goes on until `done` says so.
fn advance(
    decoder: &mut JxlDecoder,
    input: &mut &[u8],
    mut pixels: Option<(&mut Vec<u8>, usize, usize)>,
    mut done: impl FnMut(&Event) -> bool,
) -> Result<(), String> {
    loop {
        let mut buffers =
            pixels.as_mut().map(|(bytes, rows, row)| [JxlOutputBuffer::new(bytes, *rows, *row)]);
        let event = decoder
            .process(input, buffers.as_mut().map(|buffers| &mut buffers[..]), None)
            .map_err(|error| format!("the JPEG XL is damaged or of a kind that is not read ({error})"))?;
        if done(&event) {
            return Ok(());
        }
        if matches!(event, Event::NeedMoreInput { .. } | Event::Complete) {
            return Err("the JPEG XL ends too early; get a complete copy".into());
        }
    }
}
