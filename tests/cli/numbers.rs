//! `evaluate`, `check` and `bench`: numbers on stdout.

use super::Workshop;

const EVALUATE: &str = "evaluate --content content.png --style style.png --image other.png --weights net.npz";

fn workshop() -> Workshop {
    let workshop = Workshop::new();
    super::picture(40, 30, 9).save(&workshop.path("other.png"), &Default::default()).unwrap();
    workshop
}

#[test]
fn the_terms_sum_to_the_total_in_every_preset_and_precision() {
    let workshop = workshop();
    for preset in ["frobenius", "gatys", "johnson", "relative"] {
        let options = format!(
            "{EVALUATE} --normalisation {preset} --tv-weight 0.5 --content-weight 2 --style-weight 3"
        );
        let mut totals = Vec::new();
        for engine in
            ["--precision f64", "--convolution im2col", "--convolution direct", "--convolution winograd"]
        {
            let ran = workshop.run(&format!("{options} --json {engine}")).succeeds();
            assert_eq!(ran.stderr, "");
            let report = &ran.json_lines()[0];
            assert_eq!(report["evaluations"], 1);
            let layers = report["style"].as_object().unwrap();
            assert_eq!(layers.keys().map(String::as_str).collect::<Vec<_>>(), ["relu1_1", "relu2_1"]);
            let terms = layers.values().chain([&report["content"]["relu2_2"], &report["tv"]]);
            let sum: f64 = terms.map(|term| term.as_f64().unwrap()).sum();
            let total = report["total"].as_f64().unwrap();
            assert!((sum / total - 1.0).abs() < 1e-12, "{report}");
            totals.push(total);
        }
        assert!(totals.iter().all(|total| (total / totals[0] - 1.0).abs() < 1e-4), "{preset}: {totals:?}");
    }
}

#[test]
fn without_content_or_style_their_terms_are_missing() {
    let workshop = workshop();
    let run = |options: &str| {
        let ran = workshop
            .run(&format!("evaluate --image other.png --weights net.npz --json {options}"))
            .succeeds();
        ran.json_lines().remove(0)
    };
    let style = run("--style style.png");
    assert_eq!(style["content"], serde_json::json!({}));
    let content = run("--content content.png");
    assert_eq!(content["style"], serde_json::json!({}));
    assert!(content["total"].as_f64().unwrap() > 0.0);
    let two = run("--style style.png --style other.jpg --style-blend 1,0");
    assert_eq!(two["style"], style["style"]);
}

#[test]
fn pictures_of_different_sizes_are_compared_with_size() {
    let workshop = workshop();
    super::picture(80, 60, 1).save(&workshop.path("double.png"), &Default::default()).unwrap();
    let arguments = "evaluate --content content.png --image double.png --weights net.npz --json --size 20";
    let report = workshop.run(arguments).succeeds().json_lines().remove(0);
    assert!(report["total"].as_f64().unwrap() > 0.0);
}

#[test]
fn the_gradient_is_an_array_of_the_picture_s_shape() {
    let workshop = workshop();
    let table = workshop.run(&format!("{EVALUATE} --gradient g.npy")).succeeds();
    assert!(table.stdout.lines().last().unwrap().starts_with("total"), "{}", table.stdout);
    let bytes = std::fs::read(workshop.path("g.npy")).unwrap();
    let array = npyz::NpyFile::new(&bytes[..]).unwrap();
    assert_eq!(array.shape(), [3, 30, 40]);
    let single: Vec<f32> = array.into_vec().unwrap();
    workshop.run(&format!("{EVALUATE} --gradient g64.npy --precision f64 --threads 1")).succeeds();
    let bytes = std::fs::read(workshop.path("g64.npy")).unwrap();
    let double: Vec<f32> = npyz::NpyFile::new(&bytes[..]).unwrap().into_vec().unwrap();
    let norm =
        |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let difference = norm(&mut single.iter().zip(&double).map(|(a, b)| a - b));
    assert!(difference < 1e-4 * norm(&mut double.iter().copied()));
}

#[test]
fn this_machine_passes_the_check() {
    let workshop = workshop();
    let report =
        workshop.run("check --weights net.npz --size 18x14 --json").succeeds().json_lines().remove(0);
    assert_eq!(report["passed"], true);
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.iter().all(|check| check["relative_error"].as_f64() <= check["accepted"].as_f64()));
    let table = workshop.run("check --weights net.npz --size 18x14").succeeds();
    assert!(table.stdout.contains("f64 gradient against finite differences"));
    assert!(table.stdout.contains("decisions (im2col) differ from f64"));
    let sets = ["avx512", "avx2", "portable"].map(|set| {
        let compared = table.stdout.contains(&format!("(winograd6, {set})"));
        let skipped = table.stdout.contains(&format!("{set}, which this processor lacks"));
        assert!(compared != skipped, "{set} is compared or reported as skipped: {}", table.stdout);
        compared
    });
    assert_eq!(report["skipped"].as_array().unwrap().len(), sets.iter().filter(|set| !**set).count());
    workshop.run("check --weights net.npz --size 1000").fails(2, "at most 256");
}

#[test]
fn bench_reports_its_figures() {
    let workshop = workshop();
    for network in ["--weights net.npz", "--architecture 8,8|16"] {
        let arguments = format!("bench {network} --size 32 --repeats 2 --threads 1 --json");
        let report = workshop.run(&arguments).succeeds().json_lines().remove(0);
        for field in ["seconds_per_evaluation", "gflops_direct_equivalent"] {
            assert!(report[field].as_f64().unwrap() > 0.0, "{field}: {report}");
        }
        assert_eq!((&report["threads"], &report["size"]), (&1.into(), &32.into()));
        assert!(report.get("fma_peak_gflops").is_some() && report.get("peak_rss_bytes").is_some());
        for layer in report["layers"].as_array().unwrap() {
            assert!(layer["roofline"]["share"].as_f64().unwrap() > 0.0, "{layer}");
        }
    }
    assert!(
        workshop.run("bench --weights net.npz --size 32 --repeats 1").succeeds().stdout.contains("GFLOP/s")
    );
    workshop.run("bench --weights net.npz --size 64x32").fails(2, "square");
}
