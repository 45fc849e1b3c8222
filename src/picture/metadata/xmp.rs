//! XMP (ISO 16684-1): a packet of RDF in which programs keep what they know about a picture.
//!
//! Names are told by their namespace, not by their prefix. A packet that is no XML is left out, with a warning.

use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::{NsReader, Writer};

const TIFF: &str = "http://ns.adobe.com/tiff/1.0/";
const EXIF: &str = "http://ns.adobe.com/exif/1.0/";
const XMP: &str = "http://ns.adobe.com/xap/1.0/";
const NOTE: &str = "http://ns.adobe.com/xmp/note/";
const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
/// Where the text document of a picture stands.
const OURS: &str = "urn:impasto:1";
const DOCUMENT: &str = "document";

/// What becomes of a property when a packet goes along with a new picture.
#[derive(PartialEq)]
enum Fate {
    Stay,
    Upright,
    Go,
}

/// `all`: keep the place and thumbnails.
fn fate(namespace: Option<&str>, name: &str, all: bool) -> Fate {
    match namespace {
        Some(TIFF) if name == "Orientation" => Fate::Upright,
        // What the new file says itself, and an older document of ours.
        Some(TIFF) if matches!(name, "ImageWidth" | "ImageLength") => Fate::Go,
        Some(EXIF) if matches!(name, "PixelXDimension" | "PixelYDimension") => Fate::Go,
        Some(NOTE) if name == "HasExtendedXMP" => Fate::Go,
        Some(OURS) => Fate::Go,
        Some(EXIF) if name.starts_with("GPS") && !all => Fate::Go,
        Some(XMP) if name == "Thumbnails" && !all => Fate::Go,
        _ => Fate::Stay,
    }
}

/// `packet` as it goes along with a new, upright picture; the place and thumbnails only if `all` is wanted, and
/// `document` inside it. None if it is no XML.
pub(in crate::picture) fn rewritten(packet: &[u8], all: bool, document: Option<&str>) -> Option<Vec<u8>> {
    let text = str::from_utf8(packet).ok()?;
    let mut reader = NsReader::from_str(text.trim_start_matches('\u{FEFF}'));
    let mut writer = Writer::new(Vec::new());
    let (mut inside_upright, mut wants_document) = (0usize, document);
    let mut depth = 0usize;
    loop {
        let event = reader.read_event().ok()?;
        match event {
            Event::Eof => break,
            Event::Start(start) => {
                depth += 1;
                if depth > 200 {
                    return None;
                }
                match element(&reader, &start, all) {
                    Fate::Go => {
                        reader.read_to_end(start.name()).ok()?;
                        depth -= 1;
                    }
                    fate => {
                        if fate == Fate::Upright || inside_upright > 0 {
                            inside_upright += 1;
                        }
                        writer.write_event(Event::Start(attributes(&reader, &start, all)?)).ok()?;
                    }
                }
            }
            Event::Empty(start) => match element(&reader, &start, all) {
                Fate::Go => {}
                _ if is(&reader, &start, RDF, "RDF") => {
                    let start = attributes(&reader, &start, all)?;
                    let end = BytesEnd::new(start.name().0.to_owned());
                    writer.write_event(Event::Start(start)).ok()?;
                    if let Some(document) = wants_document.take() {
                        description(&mut writer, document)?;
                    }
                    writer.write_event(Event::End(end)).ok()?;
                }
                _ => writer.write_event(Event::Empty(attributes(&reader, &start, all)?)).ok()?,
            },
            Event::End(end) => {
                depth = depth.saturating_sub(1);
                inside_upright = inside_upright.saturating_sub(1);
                let (namespace, name) = reader.resolver().resolve_element(end.name());
                if bound(&namespace) == Some(RDF)
                    && name.as_ref() == "RDF"
                    && let Some(document) = wants_document.take()
                {
                    description(&mut writer, document)?;
                }
                writer.write_event(Event::End(end)).ok()?;
            }
            Event::Text(_) if inside_upright > 0 => {
                writer.write_event(Event::Text(BytesText::new("1"))).ok()?
            }
            Event::DocType(_) => return None, // entities of its own: not XMP
            other => writer.write_event(other).ok()?,
        }
    }
    (depth == 0 && wants_document.is_none()).then(|| writer.into_inner())
}

/// The packet that goes along with a document in it, or one of the two alone; without the first where both are longer
/// than `most` bytes together.
///
/// # Errors
///
/// The message, when the document alone is too long.
pub(in crate::picture) fn merged(
    packet: Option<&[u8]>,
    document: Option<&str>,
    most: usize,
) -> Result<Option<Vec<u8>>, String> {
    let Some(document) = document else { return Ok(packet.map(<[u8]>::to_vec)) };
    let both = packet.and_then(|packet| rewritten(packet, true, Some(document)));
    let joined = both.filter(|both| both.len() <= most).unwrap_or_else(|| with_document(document));
    if joined.len() > most {
        return Err(format!("the document takes {} bytes, of which it holds {most}; use .png", joined.len()));
    }
    Ok(Some(joined))
}

/// A packet with nothing but a document.
fn with_document(document: &str) -> Vec<u8> {
    let empty = format!(
        "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?><x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
         <rdf:RDF xmlns:rdf=\"{RDF}\"></rdf:RDF></x:xmpmeta><?xpacket end=\"w\"?>"
    );
    rewritten(empty.as_bytes(), false, Some(document)).unwrap_or_default()
}

/// The document in a packet.
pub(in crate::picture) fn document(packet: &[u8]) -> Option<String> {
    find(packet, OURS, DOCUMENT)
}

/// The orientation in a packet, 1 to 8.
pub(in crate::picture) fn orientation(packet: &[u8]) -> Option<u8> {
    find(packet, TIFF, "Orientation")?.trim().parse().ok().filter(|v| (1..=8).contains(v))
}

/// The first value of a property, as an attribute or an element.
fn find(packet: &[u8], wanted: &str, property: &str) -> Option<String> {
    let text = str::from_utf8(packet).ok()?;
    let mut reader = NsReader::from_str(text.trim_start_matches('\u{FEFF}'));
    for _ in 0..1_000_000 {
        match reader.read_event().ok()? {
            Event::Eof => return None,
            event @ (Event::Start(_) | Event::Empty(_)) => {
                let empty = matches!(event, Event::Empty(_));
                let (Event::Start(start) | Event::Empty(start)) = event else { return None };
                if is(&reader, &start, wanted, property) && !empty {
                    return plain_text(&mut reader);
                }
                for attribute in start.attributes().flatten() {
                    let (namespace, name) = reader.resolver().resolve_attribute(attribute.key);
                    if bound(&namespace) == Some(wanted) && name.as_ref() == property {
                        let value = quick_xml::escape::unescape(&attribute.value).ok()?;
                        return Some(value.into_owned());
                    }
                }
            }
            _ => {}
        }
    }
    None
}

/// The text up to the end of the element whose start was read.
fn plain_text(reader: &mut NsReader<&[u8]>) -> Option<String> {
    let mut value = String::new();
    loop {
        match reader.read_event().ok()? {
            Event::Text(text) => value.push_str(&text),
            Event::CData(text) => value.push_str(&text),
            Event::GeneralRef(name) => {
                value.push_str(&quick_xml::escape::unescape(&format!("&{};", &*name)).ok()?);
            }
            Event::End(_) | Event::Eof => return Some(value),
            _ => {}
        }
    }
}

fn element(reader: &NsReader<&[u8]>, start: &BytesStart<'_>, all: bool) -> Fate {
    let (namespace, name) = reader.resolver().resolve_element(start.name());
    fate(bound(&namespace), name.as_ref(), all)
}

fn is(reader: &NsReader<&[u8]>, start: &BytesStart<'_>, namespace: &str, wanted: &str) -> bool {
    let (found, name) = reader.resolver().resolve_element(start.name());
    bound(&found) == Some(namespace) && name.as_ref() == wanted
}

fn bound<'a>(namespace: &ResolveResult<'a>) -> Option<&'a str> {
    match namespace {
        ResolveResult::Bound(Namespace(name)) => Some(name),
        _ => None,
    }
}

/// The element with the attributes that stay.
fn attributes(reader: &NsReader<&[u8]>, start: &BytesStart<'_>, all: bool) -> Option<BytesStart<'static>> {
    let mut kept = BytesStart::new(start.name().0.to_owned());
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let (namespace, name) = reader.resolver().resolve_attribute(attribute.key);
        match fate(bound(&namespace), name.as_ref(), all) {
            Fate::Go => {}
            Fate::Upright => kept.push_attribute((attribute.key.0, "1")),
            Fate::Stay => kept.push_attribute(attribute),
        }
    }
    Some(kept)
}

/// `<rdf:Description …><impasto:document>…</impasto:document></rdf:Description>`, its prefixes bound here.
fn description(writer: &mut Writer<Vec<u8>>, document: &str) -> Option<()> {
    let mut outer = BytesStart::new("rdf:Description");
    outer.push_attribute(("xmlns:rdf", RDF));
    outer.push_attribute(("rdf:about", ""));
    outer.push_attribute(("xmlns:impasto", OURS));
    let inner = format!("impasto:{DOCUMENT}");
    writer.write_event(Event::Start(outer)).ok()?;
    writer.write_event(Event::Start(BytesStart::new(inner.as_str()))).ok()?;
    writer.write_event(Event::Text(BytesText::new(document))).ok()?;
    writer.write_event(Event::End(BytesEnd::new(inner.as_str()))).ok()?;
    writer.write_event(Event::End(BytesEnd::new("rdf:Description"))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: &str = r#"<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<r:Description r:about="" xmlns:t="http://ns.adobe.com/tiff/1.0/" xmlns:e="http://ns.adobe.com/exif/1.0/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" t:Orientation="6"
 e:GPSLatitude="48,8.25N" e:ExposureTime="1/60">
<xmp:Thumbnails><r:Alt><r:li>base64</r:li></r:Alt></xmp:Thumbnails><e:GPSAltitude>35</e:GPSAltitude>
<dc:title>Tom &amp; Jerry</dc:title></r:Description></r:RDF></x:xmpmeta><?xpacket end="w"?>"#;

    #[test]
    fn place_and_thumbnails_go_the_rest_stays() {
        let text = String::from_utf8(rewritten(PACKET.as_bytes(), false, None).unwrap()).unwrap();
        for gone in ["GPS", "Thumbnails", "base64", "=\"6\""] {
            assert!(!text.contains(gone), "{gone} in {text}");
        }
        for kept in
            ["Tom &amp; Jerry", "e:ExposureTime=\"1/60\"", "t:Orientation=\"1\"", "<?xpacket end=\"w\"?>"]
        {
            assert!(text.contains(kept), "{kept} not in {text}");
        }
        let everything = String::from_utf8(rewritten(PACKET.as_bytes(), true, None).unwrap()).unwrap();
        assert!(everything.contains("GPSLatitude") && everything.contains("base64"));
        assert_eq!(orientation(everything.as_bytes()), Some(1));
    }

    #[test]
    fn orientation_as_attribute_and_as_element() {
        assert_eq!(orientation(PACKET.as_bytes()), Some(6));
        let element = PACKET
            .replace("t:Orientation=\"6\"", "")
            .replace("<dc:title>", "<t:Orientation> 8\n</t:Orientation><dc:title>");
        assert_eq!(orientation(element.as_bytes()), Some(8));
        let text = rewritten(element.as_bytes(), false, None).unwrap();
        assert_eq!(orientation(&text), Some(1));
        assert_eq!(orientation(PACKET.replace("tiff/1.0", "tiff/9.0").as_bytes()), None);
    }

    #[test]
    fn a_document_comes_back_as_it_was() {
        for document in ["{\"a\": \"<&>\\\"'\"}", "", "žluťoučký 🎨 ]]>", "line\nline\ttab"] {
            let alone = with_document(document);
            assert_eq!(super::document(&alone).as_deref(), Some(document));
            let joined = rewritten(PACKET.as_bytes(), false, Some(document)).unwrap();
            assert_eq!(super::document(&joined).as_deref(), Some(document));
            // A second one takes the place of the first.
            let again = rewritten(&joined, false, Some("second")).unwrap();
            assert_eq!(super::document(&again).as_deref(), Some("second"));
            assert!(String::from_utf8(again).unwrap().contains("Tom &amp; Jerry"));
        }
        assert_eq!(super::document(PACKET.as_bytes()), None);
    }

    #[test]
    fn what_is_no_xmp_is_left_out() {
        for packet in ["<a><b></a>", "<!DOCTYPE x [<!ENTITY e 'e'>]><a/>", "\u{0}\u{1}", "<a"] {
            assert_eq!(rewritten(packet.as_bytes(), false, Some("x")), None, "{packet}");
        }
        assert_eq!(rewritten(b"\xFF\xFE", false, None), None);
        assert_eq!(rewritten("<a>".repeat(300).as_bytes(), false, None), None);
    }
}
