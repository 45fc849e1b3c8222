//! The examples at the end of every help; a test reads each as the command would.

pub(super) const ALL: &str = "\
Examples:
  impasto transfer photo.jpg painting.jpg
  impasto transfer photo.jpg painting.jpg -o painted.png --size 1024
  impasto texture painting.jpg -o texture.png --size 512x384
  impasto replay painted.png

Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted (the best picture so far is written).
Results go to files and stdout, progress and messages to stderr.";

pub(super) const TRANSFER: &str = "\
Examples:
  impasto transfer photo.jpg painting.jpg                          writes photo--painting.png
  impasto transfer photo.jpg painting.jpg -o painted.jpg --size 1024 --overwrite
  impasto transfer photo.jpg painting.jpg --strength 0.7 --colour content
  impasto transfer photo.jpg waves.jpg:weight=0.7 sky.jpg:scale=1.5 -o out/
  impasto transfer photo.jpg painting.jpg --dry-run -o out/{content}--{style}.tiff
  impasto transfer - painting.jpg -o - --format png < photo.jpg > painted.png";

pub(super) const TEXTURE: &str = "\
Examples:
  impasto texture painting.jpg                                     writes painting--texture.png
  impasto texture painting.jpg sky.jpg -o texture.png --size 512x384 --seed 3";

pub(super) const BATCH: &str = "\
Examples:
  impasto batch --contents photos --styles paintings --out out
  impasto batch --contents photos/*.jpg --styles waves.jpg sky.jpg --out out/{style}/{content}.jpg --size 1024
  impasto batch --jobs-file jobs.csv --out out --jobs 2 --json
  impasto batch --contents photos --styles paintings --out out --shard 2/8

The same command goes on where it was stopped. Exit status: 0 all done, 1 some failed, 130 interrupted.";

pub(super) const FRAMES: &str = "\
Examples:
  impasto frames frames painting.jpg -o painted
  impasto frames frames painting.jpg -o painted --size 720x --temporal-weight 20 --json

The same command goes on where it was stopped. Exit status: 0 all done, 1 a frame failed, 130 interrupted.";

pub(super) const SHEET: &str = "\
Examples:
  impasto sheet photo.jpg painting.jpg --vary content-weight=0.005,0.02,0.08 -o sheet.png
  impasto sheet photo.jpg waves.jpg sky.jpg --vary style-scale=0.5,1,2 -o sheet.png --cell 128
  impasto inspect sheet.png                                        the command of every picture on it";

pub(super) const INSPECT: &str = "\
Examples:
  impasto inspect painted.png
  impasto inspect painted.png --json > settings.json               for --settings settings.json";

pub(super) const REPLAY: &str = "\
Examples:
  impasto replay painted.png
  impasto replay painted.png --content moved/photo.jpg --style moved/painting.jpg
  impasto replay painted.png --content other.jpg -o other-painted.png";

pub(super) const RESUME: &str = "\
Examples:
  impasto transfer photo.jpg painting.jpg -o painted.png --checkpoint run.checkpoint
  impasto resume run.checkpoint";

pub(super) const STYLE: &str = "\
Examples:
  impasto style save waves.jpg sky.jpg:weight=0.5 -o sea.style --size 512,1024
  impasto style inspect sea.style
  impasto transfer photo.jpg sea.style -o painted.png --size 512";

pub(super) const EVALUATE: &str = "\
Examples:
  impasto evaluate --content photo.jpg --style painting.jpg --image painted.png --size 512
  impasto evaluate --style painting.jpg --image painted.png --gradient gradient.npy --json";

pub(super) const CHECK: &str = "\
Examples:
  impasto check
  impasto check --weights vgg19.pth --size 32x24";

pub(super) const BENCH: &str = "\
Examples:
  impasto bench --size 512
  impasto bench --architecture vgg19 --size 256 --repeats 9 --json";

pub(super) const WEIGHTS: &str = "\
Examples:
  impasto weights inspect
  impasto weights convert vgg19.pth vgg19.npz --input torchvision --precision f16";

pub(super) const COMPLETIONS: &str = "\
Examples:
  impasto completions bash > ~/.local/share/bash-completion/completions/impasto
  impasto completions zsh > ~/.zfunc/_impasto
  impasto completions fish > ~/.config/fish/completions/impasto.fish";

pub(super) const MAN: &str = "\
Examples:
  impasto man > impasto.1
  impasto man ~/.local/share/man/man1";

#[cfg(test)]
mod tests {
    use super::super::args::Cli;
    use clap::{CommandFactory, Parser};

    /// Every command's help.
    fn helps(command: &mut clap::Command, found: &mut Vec<(String, String)>) {
        if command.get_name() != "help" {
            found.push((command.get_name().to_owned(), command.render_long_help().to_string()));
        }
        command.get_subcommands_mut().for_each(|command| helps(command, found));
    }

    #[test]
    fn every_help_has_examples_and_every_example_is_understood() {
        let mut found = Vec::new();
        helps(&mut Cli::command(), &mut found);
        assert!(found.len() > 10);
        for (name, help) in
            found.iter().filter(|(name, _)| !["inspect", "convert", "save"].contains(&name.as_str()))
        {
            let lines = help.split("Examples:\n").nth(1).unwrap_or_else(|| panic!("{name} has no examples"));
            for line in lines.lines().take_while(|line| line.starts_with("  impasto ")) {
                // Without what the shell takes, and without what is said beside it.
                let call = line.trim().split("  ").next().unwrap().split(['<', '>']);
                let words = call.take(1).flat_map(str::split_whitespace);
                assert!(Cli::try_parse_from(words).is_ok(), "{line}");
            }
        }
    }
}
