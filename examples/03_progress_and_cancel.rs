//! Watching a run, looking at its picture on the way, and stopping it: from the observer, or from another thread.

use std::ops::ControlFlow;
use std::time::Duration;

use impasto::picture::Picture;
use impasto::{Cancel, Progress, Request, Result, StopReason, StyleTransfer};

/// Stops a run when its loss is below `enough`; the best picture so far comes back.
pub fn until_good_enough(photo: &Picture, painting: &Picture, size: usize, enough: f64) -> Result<Picture> {
    let transfer = StyleTransfer::builder().size(size).build()?;
    let result = transfer.run(&Request::picture(photo, [painting.clone()]), |progress: &Progress<'_>| {
        println!(
            "{}x{}, iteration {} of {}: loss {:.3}, {:.0} s left",
            progress.width,
            progress.height,
            progress.iteration,
            progress.iterations,
            progress.terms.total,
            progress.seconds_left
        );
        // `progress.picture()` is the picture as it is now.
        if progress.terms.total < enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(result.picture)
}

/// Stops a run after `patience`, from another thread, at its next evaluation.
pub fn for_so_long(photo: &Picture, painting: &Picture, size: usize, patience: Duration) -> Result<Picture> {
    let cancel = Cancel::new();
    let token = cancel.clone();
    std::thread::spawn(move || {
        std::thread::sleep(patience);
        token.cancel();
    });
    let transfer = StyleTransfer::builder().size(size).build()?;
    let request = Request::picture(photo, [painting.clone()]).cancelled_by(&cancel);
    let result = transfer.run(&request, ())?;
    if result.report.stop == StopReason::Cancelled {
        println!("stopped after {:.1} s", result.report.seconds);
    }
    Ok(result.picture)
}

fn main() -> Result<()> {
    let photo = Picture::load("docs/pictures/scene.jpg".as_ref())?;
    let painting = Picture::load("docs/pictures/painting.jpg".as_ref())?;
    until_good_enough(&photo, &painting, 256, 0.05)?;
    for_so_long(&photo, &painting, 512, Duration::from_secs(3))?;
    Ok(())
}
