//! What the command says to a command line that it does not understand, and what it makes of its own definition.

use super::Workshop;

#[test]
fn a_mistake_gets_the_help_that_belongs_to_it_and_what_was_meant() {
    let workshop = Workshop::new();
    let transfer = "transfer content.png style.png -o out.png";
    for (arguments, said, help) in [
        ("transfer".to_owned(), "<CONTENT> <STYLE>", "impasto transfer --help"),
        ("weights convert net.npz".to_owned(), "<OUTPUT>", "impasto weights convert --help"),
        ("paint".to_owned(), "unrecognized subcommand 'paint'", "impasto --help"),
        ("tranfser content.png".to_owned(), "did you mean transfer?", "impasto --help"),
        ("content.png style.png".to_owned(), "impasto transfer CONTENT STYLE paints", "impasto --help"),
        (format!("{transfer} --sise 40"), "did you mean --size?", "impasto transfer --help"),
        (format!("{transfer} --keep-colors"), "--colour content keeps the content's", "transfer --help"),
        (format!("{transfer} --keep_colors"), "--colour content keeps the content's", "transfer --help"),
        (format!("{transfer} --force"), "--overwrite replaces", "transfer --help"),
        (format!("{transfer} --gpu=0"), "computes on the processor", "transfer --help"),
        ("transfer -style_image style.png".to_owned(), "`-style_image` is neural-style's; here", "--help"),
        (format!("{transfer} -num_iterations 5"), "here it is --iterations N", "transfer --help"),
        (format!("{transfer} -size 40"), "`-size` needs a second dash: --size", "transfer --help"),
        (
            "evaluate --image content.png --size 40x30 --content content.png".to_owned(),
            "give the longer side",
            "",
        ),
    ] {
        let ran = workshop.run(&arguments);
        assert!(ran.stderr.contains(help), "{}", ran.stderr);
        ran.fails(2, said);
    }
    // Another word is no slip of the fingers, and nothing is recommended for it.
    for word in ["--frobnicate", "--mosaic", "--brightness"] {
        let said = workshop.run(&format!("{transfer} {word}")).stderr;
        assert!(!said.contains("did you mean") && !said.contains("--style-scale"), "{said}");
    }
}

#[test]
fn shells_complete_every_command_and_option() {
    let workshop = Workshop::new();
    for (shell, needle) in [
        ("bash", "complete -F _impasto"),
        ("zsh", "#compdef impasto"),
        ("fish", "complete -c impasto"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion"),
    ] {
        let script = workshop.run(&format!("completions {shell}")).succeeds().stdout;
        for word in [needle, "transfer", "replay", "content-weight", "keep-metadata"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    workshop.run("completions csh").fails(2, "bash, elvish, fish, powershell, zsh");
    let bash = workshop.run("completions bash").succeeds().stdout;
    std::fs::write(workshop.path("impasto.bash"), bash).unwrap();
    // The script as bash itself uses it, where there is one.
    let ask = ". ./impasto.bash; COMP_WORDS=(impasto transfer --over); COMP_CWORD=2; _impasto impasto --over transfer; \
               echo ${COMPREPLY[@]}";
    if let Ok(output) =
        std::process::Command::new("bash").current_dir(workshop.folder()).args(["-c", ask]).output()
    {
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "--overwrite");
    }
}

#[test]
fn man_pages_are_written_for_every_command() {
    let workshop = Workshop::new();
    let page = workshop.run("man").succeeds().stdout;
    assert!(page.contains(".TH impasto 1") && page.contains("transfer"), "{page}");
    std::fs::create_dir(workshop.path("pages")).unwrap();
    workshop.run("man pages").succeeds();
    for name in ["impasto.1", "impasto-transfer.1", "impasto-weights-convert.1", "impasto-replay.1"] {
        let page = std::fs::read_to_string(workshop.path("pages").join(name)).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{name}");
    }
    workshop.run("man nowhere").fails(1, "output nowhere: is no folder; create it first");
}
