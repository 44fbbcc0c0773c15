// llama.cpp for ModelBench: node llama_cpp.mjs NODE_MODULES MODEL THREADS POSITIONS BITS cpu|wall
// Says what it is, then for each line "PROMPT TOKENS" the tokens a second of prefill and decode.
import readline from "node:readline";
import fs from "node:fs";
import path from "node:path";
import {pathToFileURL} from "node:url";

const [modules, file, threadsText, positions, bits, clock] = process.argv.slice(2);
const threads = Number(threadsText);
const bins = path.join(modules, "@node-llama-cpp/linux-x64/bins/linux-x64");
// It takes the best of its libraries that the processor can run; with 256 bits the others are put away.
const wide = ["cannonlake", "cascadelake", "cooperlake", "icelake", "sapphirerapids", "skylakex", "zen4"];
for (const name of wide) {
    const library = path.join(bins, `libggml-cpu-${name}.so`);
    const away = library + ".away";
    if (bits === "256" && fs.existsSync(library)) fs.renameSync(library, away);
    if (bits !== "256" && fs.existsSync(away)) fs.renameSync(away, library);
}

const {getLlama} = await import(pathToFileURL(path.join(modules, "node-llama-cpp/dist/index.js")));
const milliseconds = () => {
    if (clock !== "cpu") return performance.now();
    const {user, system} = process.cpuUsage();
    return (user + system) / 1000;
};
const start = milliseconds();
const llama = await getLlama({gpu: false, build: "never", skipDownload: true, progressLogs: false, logLevel: "error", maxThreads: threads});
const model = await llama.loadModel({modelPath: file});
const context = await model.createContext({contextSize: Number(positions), batchSize: 512, threads, sequences: 1});
const sequence = context.getSequence();
const loaded = ((milliseconds() - start) / 1000).toFixed(1);
const libraries = fs.readFileSync("/proc/self/maps", "utf8").match(/libggml-cpu-\w+/);
console.log(`node-llama-cpp, ${libraries ? libraries[0] : "?"}, ${threads} threads, loaded in ${loaded} s`);

for await (const line of readline.createInterface({input: process.stdin})) {
    const [prompt, count] = line.split(" ").map(Number);
    await sequence.clearHistory();
    const ids = Array.from({length: prompt}, (_, i) => i === 0 ? 128000 : 1000 + i * 7);
    const begin = milliseconds();
    let first = 0;
    let made = 0;
    for await (const token of sequence.evaluate(ids, {temperature: 0, yieldEogToken: true})) {
        if (made === 0) first = milliseconds();
        if (++made > count) break;
    }
    const end = milliseconds();
    console.log(`${prompt * 1e3 / (first - begin)} ${(made - 1) * 1e3 / (end - first)}`);
}
process.exit(0);
