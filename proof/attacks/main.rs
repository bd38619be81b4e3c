//! The attack matrix.

mod cases;
mod catalogue;
mod exact;
mod node;
mod paper_lies;
mod pool;
mod run_lies;
mod subjects;

fn main() -> Result<(), attestlm_proof::Failure> {
    let subjects = subjects::all()?;
    let attacks = catalogue::all();
    let n = std::env::args().nth(1).map_or(Ok(24), |t| t.parse())?;
    let started = std::time::Instant::now();
    let found = exact::matrix(&subjects, &attacks, exact::Plan { runs: n, models: 3 })?;
    for (attack, lies) in attacks.iter().zip(&found) {
        println!("{}", attack.name);
        for (lie, outcomes) in attack.lies.iter().zip(lies) {
            println!("   {}", lie.what);
            for (subject, o) in subjects.iter().zip(outcomes) {
                println!("      {:12} alone {} | client {} | nothing {} | {:?}", subject.name, o.alone, o.client, o.changed_nothing, o.missed);
            }
        }
    }
    println!("{:?}", started.elapsed());
    Ok(())
}
