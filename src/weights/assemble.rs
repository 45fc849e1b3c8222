//! From named arrays to a network: plan by names, check shapes, then read values.

use super::colours::decide;
use super::container::{Array, Container};
use super::dtype::Dtype;
use super::metadata;
use super::names::{Plan, Planned, plan};
use crate::network::check::{self, Outline};
use crate::network::{InputColours, Network, Part};
use crate::text::{self, Message, clip};
use std::path::Path;

/// Builds the network that `container` holds. `stated` is the caller's word on its colours.
pub(super) fn network(
    container: &mut dyn Container,
    source: &Path,
    stated: Option<InputColours>,
) -> Message<Network> {
    let plan = plan(container.arrays())?;
    let outlines = outlines(&plan, container.arrays())?;
    check::shapes(&outlines)?;
    let mut blocks: Vec<Vec<Part>> = Vec::new();
    for (planned, outline) in plan.convolutions.iter().zip(&outlines) {
        let names = [planned.weight, planned.bias].map(|index| clip(&container.arrays()[index].name));
        let part = Part {
            outputs: outline.outputs,
            weight: container.floats(planned.weight)?.into(),
            bias: container.floats(planned.bias)?.into(),
            names: Some(names),
        };
        if outline.block > blocks.len() {
            blocks.push(Vec::new());
        }
        // Blocks count from 1 without gaps.
        blocks[outline.block - 1].push(part);
    }
    let first = (&blocks[0][0].weight[..], &blocks[0][0].bias[..]);
    let (input_weight, input_bias, description) = colours(container, &plan, first, stated)?;
    let mut builder = Network::builder(known_name(&outlines))
        .source(source)
        .description(description)
        .colour_map(input_weight, input_bias);
    for block in blocks {
        builder = builder.parts(block);
    }
    if let Some(index) = plan.metadata {
        let array = &container.arrays()[index];
        if array.dtype != Dtype::U8 || array.shape.len() != 1 || array.shape[0] > metadata::MAX_SIZE {
            let (shape, dtype) = (text::shape(&array.shape), &array.dtype);
            return Err(format!(
                "metadata is {dtype} of shape {shape}; it must be at most {} bytes of JSON as uint8",
                metadata::MAX_SIZE
            ));
        }
        builder = metadata::apply(&container.bytes(index)?, builder)?;
    }
    builder.finish()
}

/// The places and channels of all convolutions, from shapes alone.
fn outlines(plan: &Plan, arrays: &[Array]) -> Message<Vec<Outline>> {
    let outline = |planned: &Planned| {
        let (weight, bias) = (&arrays[planned.weight], &arrays[planned.bias]);
        let name = clip(&weight.name);
        let &[outputs, inputs, 3, 3] = weight.shape.as_slice() else {
            let shape = text::shape(&weight.shape);
            return Err(format!("{name} has the shape {shape}; a convolution here is outputs×inputs×3×3"));
        };
        if bias.shape != [outputs] {
            let (bias, shape) = (clip(&bias.name), text::shape(&bias.shape));
            return Err(format!("{bias} has the shape {shape}; beside {name} it must be {outputs}"));
        }
        Ok(Outline { block: planned.block, index: planned.index, name, inputs, outputs })
    };
    plan.convolutions.iter().map(outline).collect()
}

/// The colour map that the file states, or the one that is decided on, with a sentence that says so. `first` has the
/// first layer's weight and bias.
fn colours(
    container: &mut dyn Container,
    plan: &Plan,
    first: (&[f32], &[f32]),
    stated: Option<InputColours>,
) -> Message<([f32; 9], [f32; 3], String)> {
    let (weight, bias) = match (plan.input_weight, plan.input_bias) {
        (Some(weight), Some(bias)) => (weight, bias),
        (Some(_), None) => return Err("input.bias is missing beside input.weight".into()),
        (None, Some(_)) => return Err("input.weight is missing beside input.bias".into()),
        (None, None) => {
            let colours = decide(first, plan.torch, container.format(), stated)?;
            let (weight, bias) = colours.colour_map();
            let origin =
                if stated.is_some() { "as asked for" } else { "as recognised by its names and values" };
            return Ok((weight, bias, format!("colours of {colours}, {origin}")));
        }
    };
    if stated.is_some() {
        return Err("it states its own colour map (input.weight, input.bias); do not give another".into());
    }
    let arrays = container.arrays();
    for (index, shape) in [(weight, &[3, 3][..]), (bias, &[3])] {
        if arrays[index].shape != shape {
            let (name, got) = (&arrays[index].name, text::shape(&arrays[index].shape));
            return Err(format!("{name} has the shape {got}; it must be {}", text::shape(shape)));
        }
    }
    let matrix = container.floats(weight)?.try_into().map_err(|_| "input.weight is not 3×3")?;
    let offset = container.floats(bias)?.try_into().map_err(|_| "input.bias is not of 3 values")?;
    Ok((matrix, offset, String::new()))
}

/// What a network of this shape is called, if it is one of the two that everybody knows.
fn known_name(convolutions: &[Outline]) -> &'static str {
    let widths = [64, 128, 256, 512, 512];
    let count = |block| convolutions.iter().filter(|c| c.block == block).count();
    let counts: Vec<usize> = (1..=convolutions.last().map_or(0, |c| c.block)).map(count).collect();
    let standard = convolutions.iter().all(|c| widths.get(c.block - 1) == Some(&c.outputs));
    match counts[..] {
        [2, 2, 3, 3, 3] if standard => "VGG-16",
        [2, 2, 4, 4, 4] if standard => "VGG-19",
        _ => "",
    }
}
