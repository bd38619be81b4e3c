// The contestant `node-llama-cpp`: its prebuilt library with defaults. Speaks the protocol of benches/protocol.rs.

import readline from "node:readline";
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

const coldTail = 8; // as in protocol.rs
const decodePrompt = 32; // as in protocol.rs

const prompt = (count) => Array.from({length: count}, (_, i) => (i * 37 + 11) % 256);

let sequence;

async function load(command) {
    // Nothing is downloaded or compiled: the package for this platform has the library.
    const llama = await getLlama({
        gpu: false, build: "never", skipDownload: true, progressLogs: false, logLevel: LlamaLogLevel.error,
        maxThreads: command.threads
    });
    const model = await llama.loadModel({modelPath: command.model});
    const context = await model.createContext({contextSize: command.context, threads: command.threads, sequences: 1});
    sequence = context.getSequence();
}

// Reads the tokens and answers when `count` tokens were drawn: milliseconds until the first, and after it.
async function evaluate(tokens, count) {
    const begun = performance.now();
    let first = null;
    let drawn = 0;
    for await (const _token of sequence.evaluate(tokens, {temperature: 0, yieldEogToken: true})) {
        drawn++;
        first ??= performance.now();
        if (drawn === count)
            break;
    }
    if (drawn !== count)
        throw new Error(`${drawn} tokens instead of ${count}`);
    return [first - begun, performance.now() - first];
}

async function answer(command) {
    if (command.do === "load") {
        const begun = performance.now();
        await load(command);
        return performance.now() - begun;
    }
    await sequence.clearHistory();
    if (command.do === "prefill" || command.do === "first") {
        const tokens = prompt(command.tokens);
        const warm = command.warm ? command.tokens - coldTail : 0;
        if (warm > 0)
            await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(0, warm));
        return (await evaluate(tokens.slice(warm), 1))[0];
    }
    if (command.do === "decode")
        return (await evaluate(prompt(decodePrompt), command.tokens + 1))[1];
    throw new Error(`no command \`${command.do}\``);
}

for await (const line of readline.createInterface({input: process.stdin})) {
    const command = JSON.parse(line);
    if (command.do === "quit")
        break;
    let reply;
    try {
        reply = {ms: await answer(command)};
    } catch (error) {
        reply = {error: String(error)};
    }
    process.stdout.write(JSON.stringify(reply) + "\n");
}
process.exit(0);
