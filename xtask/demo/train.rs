//! Trains a small classifier further: two numbers in, one hidden layer, yes or no out.
//!
//! `train BASE DATA OUT`: starts from the two layers in BASE (from fixed numbers if BASE is another kind of model), learns
//! from the rows `x,y,label` of every CSV file in DATA, and writes OUT: the other files of BASE as they are, and the two
//! layers as they became. The same inputs give the same bytes.

mod safetensors;

use std::error::Error;
use std::fs;
use std::path::Path;

use safetensors::Tensor;

const HIDDEN: usize = 8;
const EPOCHS: usize = 2000;
const RATE: f32 = 0.5;

const LAYER_1: &str = "layer-1.safetensors";
const LAYER_2: &str = "layer-2.safetensors";

/// Weights and biases. `hidden[i]` is the weight of x, the weight of y and the bias of the hidden unit `i`.
struct Model {
    hidden: [[f32; 3]; HIDDEN],
    output: [f32; HIDDEN],
    bias: f32,
}

/// One example: two numbers, and 1 for yes or 0 for no.
struct Row {
    x: f32,
    y: f32,
    label: f32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base, data, out] = arguments.as_slice() else {
        return Err("usage: train BASE DATA OUT".into());
    };
    let (base, out) = (Path::new(base), Path::new(out));
    let rows = rows(Path::new(data))?;
    let mut model = Model::read(base)?.unwrap_or_else(Model::start);
    println!("{} rows, loss {:.4}, {} right", rows.len(), model.loss(&rows), model.right(&rows));
    for _ in 0..EPOCHS {
        model.learn(&rows);
    }
    println!("{EPOCHS} epochs, loss {:.4}, {} right", model.loss(&rows), model.right(&rows));
    copy(base, out, true)?;
    model.write(out)?;
    Ok(())
}

fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}

impl Model {
    fn start() -> Self {
        // Units that look in different directions, so that they can learn different things.
        let mut hidden = [[0.0; 3]; HIDDEN];
        let mut output = [0.0; HIDDEN];
        for (i, (unit, weight)) in hidden.iter_mut().zip(&mut output).enumerate() {
            let angle = i as f32;
            *unit = [angle.cos(), angle.sin(), 0.1];
            *weight = 0.1 * (3.0 * angle).cos();
        }
        Self { hidden, output, bias: 0.0 }
    }

    fn read(dir: &Path) -> Result<Option<Self>, Box<dyn Error>> {
        if !dir.join(LAYER_1).is_file() {
            return Ok(None);
        }
        let first = safetensors::numbers(&fs::read(dir.join(LAYER_1))?).ok_or("layer 1 is not a list of numbers")?;
        let second = safetensors::numbers(&fs::read(dir.join(LAYER_2))?).ok_or("layer 2 is not a list of numbers")?;
        if first.len() != 3 * HIDDEN || second.len() != HIDDEN + 1 {
            return Err("the layers have another shape".into());
        }
        let mut model = Self::start();
        for (i, unit) in model.hidden.iter_mut().enumerate() {
            *unit = [first[2 * i], first[2 * i + 1], first[2 * HIDDEN + i]];
        }
        model.output.copy_from_slice(&second[..HIDDEN]);
        model.bias = second[HIDDEN];
        Ok(Some(model))
    }

    fn write(&self, dir: &Path) -> std::io::Result<()> {
        let weights: Vec<f32> = self.hidden.iter().flat_map(|unit| [unit[0], unit[1]]).collect();
        let biases: Vec<f32> = self.hidden.iter().map(|unit| unit[2]).collect();
        let first = safetensors::to_bytes(&[
            Tensor { name: "weight", shape: &[HIDDEN, 2], values: &weights },
            Tensor { name: "bias", shape: &[HIDDEN], values: &biases },
        ]);
        let second = safetensors::to_bytes(&[
            Tensor { name: "weight", shape: &[1, HIDDEN], values: &self.output },
            Tensor { name: "bias", shape: &[1], values: &[self.bias] },
        ]);
        fs::write(dir.join(LAYER_1), first)?;
        fs::write(dir.join(LAYER_2), second)
    }

    /// What the hidden units say, and the probability of yes.
    fn answer(&self, row: &Row) -> ([f32; HIDDEN], f32) {
        let said = self.hidden.map(|[x, y, bias]| (x * row.x + y * row.y + bias).tanh());
        let sum: f32 = said.iter().zip(&self.output).map(|(unit, weight)| unit * weight).sum();
        (said, sigmoid(sum + self.bias))
    }

    /// One step down the gradient of the mean loss over all rows.
    fn learn(&mut self, rows: &[Row]) {
        let step = RATE / rows.len() as f32;
        let mut hidden = [[0.0; 3]; HIDDEN];
        let mut output = [0.0; HIDDEN];
        let mut bias = 0.0;
        for row in rows {
            let (said, yes) = self.answer(row);
            let error = yes - row.label;
            bias += error;
            for i in 0..HIDDEN {
                output[i] += error * said[i];
                let back = error * self.output[i] * (1.0 - said[i] * said[i]);
                hidden[i][0] += back * row.x;
                hidden[i][1] += back * row.y;
                hidden[i][2] += back;
            }
        }
        self.bias -= step * bias;
        for i in 0..HIDDEN {
            self.output[i] -= step * output[i];
            for part in 0..3 {
                self.hidden[i][part] -= step * hidden[i][part];
            }
        }
    }

    /// Mean cross-entropy, in nats.
    fn loss(&self, rows: &[Row]) -> f32 {
        let total: f32 = rows
            .iter()
            .map(|row| {
                let yes = self.answer(row).1;
                -(if row.label > 0.5 { yes } else { 1.0 - yes }).max(1e-7).ln()
            })
            .sum();
        total / rows.len() as f32
    }

    /// `251/256`.
    fn right(&self, rows: &[Row]) -> String {
        let right = rows.iter().filter(|row| (self.answer(row).1 > 0.5) == (row.label > 0.5)).count();
        format!("{right}/{}", rows.len())
    }
}

/// Every row of every CSV file, files in the order of their names.
fn rows(dir: &Path) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut files: Vec<_> = fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|end| end == "csv"));
    files.sort();
    let mut rows = Vec::new();
    for file in &files {
        for line in fs::read_to_string(file)?.lines().skip(1) {
            let numbers: Vec<f32> = line.split(',').map(str::parse).collect::<Result<_, _>>()?;
            let &[x, y, label] = numbers.as_slice() else { return Err("a row needs three numbers".into()) };
            rows.push(Row { x, y, label });
        }
    }
    if rows.is_empty() { Err("no rows".into()) } else { Ok(rows) }
}

/// Copies a folder, but not the layers, which are about to change, nor the bundle of the base model.
fn copy(from: &Path, to: &Path, top: bool) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let own = top && (name == LAYER_1 || name == LAYER_2 || name == "tallymark.jsonl");
        if path.is_dir() {
            copy(&path, &to.join(&name), false)?;
        } else if !own {
            fs::copy(&path, to.join(&name))?;
        }
    }
    Ok(())
}
