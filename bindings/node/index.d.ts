/**
 * AttestLM: language-model inference whose answer others can check.
 *
 * What takes long runs in libuv's thread pool, and answers a promise; nothing blocks the event loop. Objects are freed
 * when they are closed, or some time after they are unreachable.
 */

/** Text, or its UTF-8. */
type Text = string | Uint8Array;
/** Hex with 0x, as viem has it. */
export type Hex = `0x${string}`;
/** Hex with 0x, or the bytes. */
type Bytes = string | Uint8Array;
/** Token ids. */
type Tokens =
  | readonly number[] | Uint8Array | Uint16Array | Uint32Array | Int8Array | Int16Array | Int32Array | BigInt64Array | BigUint64Array;
/** A whole number. */
type Count = number | bigint;
/** A whole number; what JavaScript's numbers cannot hold, as a decimal string or a bigint. */
type Whole = Count | string;

/** What every object of the library has. */
interface Closeable {
  /** Whether it was closed. */
  readonly closed: boolean;
  /**
   * Ends its use, at once; what it holds is freed when the calls that run on it have ended, and then the promise
   * resolves. May be called again. Every other call on it fails from now on.
   */
  close(): Promise<void>;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A call that failed. `message` names the field, too; it never holds a prompt, an output, a password or a key. */
export class AttestLMError extends Error {
  private constructor(code: number, field: string, says: string);
  readonly name: 'AttestLMError';
  /** The status of the C interface, below 0. */
  readonly code: number;
  /** The code in a word. */
  readonly codeName:
    | 'argument' | 'io' | 'model' | 'template' | 'grammar' | 'logits' | 'receipt' | 'signer' | 'engine' | 'unsupported'
    | 'cancelled' | 'internal' | 'busy' | 'panic' | 'forked' | 'unknown';
  /** The argument, field or file it is about; may be empty. */
  readonly field: string;
}

/** What an operation rejects with when its signal is aborted; `cause` is the signal's reason. */
export class AbortError extends Error {
  private constructor(cause: unknown);
  readonly name: 'AbortError';
  readonly code: 'ABORT_ERR';
}

/** An error inside a document. */
export interface ErrorInfo {
  kind: string;
  field: string;
  message: string;
}

/** What a GGUF file holds. */
export interface ModelFile {
  sha256: Hex;
  name: string | null;
  architecture: string;
  parameters: number;
  layers: number;
  embedding: number;
  heads: number;
  headsKv: number;
  feedForward: number;
  contextTokens: number;
  vocabulary: number;
  tensorTypes: Record<string, number>;
  chatTemplate: boolean;
  experts?: number;
  expertsUsed?: number;
  slidingWindow?: number;
}

export interface ModelInfo extends ModelFile {
  /** Under each profile null, or why answers carry no receipt. */
  attestable: { 'exact-1': ErrorInfo | null; 'exact-2': ErrorInfo | null; fast: ErrorInfo | null };
  chatTemplateError: ErrorInfo | null;
}

export interface SessionOptions {
  /** `exact` if absent: the exact one that the model has. */
  profile?: 'exact' | 'exact-1' | 'exact-2' | 'fast' | null;
  threads?: number | null;
  /** The longest prompt and output. */
  contextTokens?: number | null;
  /** Sequences live at once. */
  streams?: number | null;
  /** Prompt tokens computed at once. */
  ubatch?: number | null;
  oversubscribe?: boolean | null;
}

export interface SessionInfo {
  /** The profile's id. */
  profile: string;
  threads: number;
  contextTokens: number;
  streams: number;
  ubatch: number;
  model: Hex;
  adapter: Hex | null;
  /** Null, or why answers carry no receipt. */
  unattested: ErrorInfo | null;
}

export interface Message {
  role: string;
  content: string;
}

/** A request: docs/request.md. Where one is taken, a string is its prompt, and bytes are its JSON. */
export interface Request {
  messages?: Message[] | null;
  prompt?: string | null;
  promptTokens?: Tokens | null;
  tools?: unknown;
  date?: string | null;
  parseSpecial?: boolean | null;
  temperature?: number | string | null;
  topK?: Count | null;
  topP?: number | string | null;
  minP?: number | string | null;
  repeatPenalty?: number | string | null;
  presencePenalty?: number | string | null;
  frequencyPenalty?: number | string | null;
  penaltyWindow?: Count | null;
  logitBias?: Record<string, number | string> | null;
  bans?: Tokens | null;
  stop?: string[] | null;
  schema?: unknown;
  grammar?: string | null;
  ignoreEog?: boolean | null;
  maxTokens?: Count | null;
  contextTokens?: Count | null;
  choices?: Count | null;
  /** How the output is cut into steps: false, the whole is the answer; or what opens reasoning and what closes it. */
  steps?: false | readonly [open: string, close: string] | null;
  seed?: Whole | null;
  seedRule?: Count | null;
  clientEntropy?: string | null;
  providerSecret?: string | null;
  beacon?: string | null;
  nonce?: string | null;
  /** What the receipt is for: 32 bytes, or the inputs that they are the hash of. */
  context?: string | ContextInputs | null;
  domain?: { chainId: Whole; verifyingContract: string } | null;
  /** How likely each token was, and so many of the likeliest (0 to 20), in the answer. */
  logprobs?: Count | null;
  issuedAt?: Whole | null;
}

/** A job, and the receipt that another follows, by its digest; what is left out is zero. */
export interface ContextInputs {
  chainId?: Whole | null;
  contract?: string | null;
  jobId?: string | null;
  previousDigest?: string | null;
}

/** How far a call is, in bytes of a model's file, or in tokens. */
export interface Progress {
  done: number;
  total: number;
}

export interface WatchOptions {
  /** Aborted, the call rejects at once with an AbortError, and ends. */
  signal?: AbortSignal | null;
  /**
   * Called first with nothing done, then about twenty times a second if there is news, and before the call resolves with what is
   * done by then; what computes nothing has no progress. What it throws rejects the call, and ends it; so does what its promise
   * rejects with, if it is an async function and the call still runs. No call waits for such a promise.
   */
  onProgress?: ((progress: Progress) => void) | null;
}

export interface RequestOptions {
  /** With one, every answer carries a receipt. */
  signer?: Signer | null;
  /** Aborted, the call rejects at once with an AbortError, and what it began is cancelled. */
  signal?: AbortSignal | null;
}

export interface ScoreOptions extends RequestOptions, WatchOptions {}

export type Finish = 'end of generation' | 'stop string' | 'max tokens' | 'grammar end' | 'context full' | 'cancelled';

export type Event =
  | { event: 'prefill'; choice: number; done: number; total: number }
  | { event: 'text'; choice: number; text: string }
  | { event: 'done'; choice: number; finish: Finish; outputCount: number }
  | { event: 'failed'; choice: number; error: ErrorInfo };

/** A token, and the natural logarithm of its probability, before the sampling policy. */
export interface LikelyToken {
  token: number;
  /** Bytes that are not UTF-8 are replaced. */
  text: string;
  /** Its bytes, 0x hex. */
  bytes: Hex;
  logprob: number;
}

export interface TokenLogprob extends LikelyToken {
  /** As many as were asked for, the likeliest first. */
  likeliest: LikelyToken[];
}

export interface Answer {
  choice: number;
  text: string;
  finish: Finish;
  /** The output's token ids. */
  tokens: number[];
  promptCount: number;
  /** Of each token how likely it was, before the sampling policy; null unless asked for. */
  logprobs: TokenLogprob[] | null;
  /** Null without a signer. */
  receipt: Receipt | null;
}

/** Where one is taken, a string is its text, and bytes are its JSON. */
export type Continuation = { text: string } | { tokens: Tokens };

export interface Score {
  tokens: (LikelyToken & { greedy: boolean })[];
  logprob: number;
  greedy: boolean;
  promptCount: number;
  receipt: Receipt | null;
}

/** What is expected of a receipt, and how to compare: docs/verify.md. */
export interface Terms {
  signer?: string | null;
  model?: string | null;
  adapter?: string | null;
  sampler?: string | null;
  profile?: string | null;
  finish?: Finish | number | string | null;
  context?: string | null;
  /** The contract it must be signed for; 'none': for none. */
  domain?: { chainId: Whole; verifyingContract: string } | 'none' | null;
  /** The first second, Unix time, at which it may say that it was issued; and the last. */
  issuedFrom?: Whole | null;
  issuedUntil?: Whole | null;
  seed?: Whole | null;
  /** Of which the seed must be made: the client's entropy and what the provider published, rule 1; a beacon, rule 2. */
  clientEntropy?: string | null;
  providerCommitment?: string | null;
  beacon?: string | null;
  nonce?: string | null;
  scored?: boolean | null;
  allowPrefix?: boolean | null;
  tolerant?: boolean | null;
  signatureOnly?: boolean | null;
  threads?: number | null;
}

export interface VerifyOptions extends WatchOptions {
  /** The model to replay with; without one only `signatureOnly` can come to "verified". */
  model?: Model | null;
  adapter?: Adapter | null;
  terms?: Terms | Text | null;
  /** Your own request: without it a hidden system prompt would not show. */
  request?: Request | Text | null;
}

export type Verdict =
  | { name: 'verified'; prefixOnly: boolean }
  | { name: 'diverged'; position: number | null; what: string }
  | { name: 'invalid'; what: string }
  | { name: 'unverifiable'; why: string }
  /** The mean clipped distance of the tokens, 0 and up; null: infinite. */
  | { name: 'consistent' | 'inconsistent'; score: number | null };

export interface Report {
  verdict: Verdict;
  kind: 0 | 1 | null;
  /** In the mixed case of EIP-55; null unless the signature was found good. */
  signer: Hex | null;
  digest: Hex | null;
  compared: string[];
  notCompared: string[];
}

/** What is signed. A type, not an interface, which would be no record for viem. */
export type ReceiptMessage = {
  kind: 0 | 1;
  model: Hex;
  adapter: Hex;
  profile: Hex;
  sampler: Hex;
  seed: Hex;
  request: Hex;
  prompt: Hex;
  output: Hex;
  trace: Hex;
  steps: Hex;
  promptCount: number;
  outputCount: number;
  finish: 0 | 1 | 2 | 3 | 4 | 5 | 255;
  issuedAt: string;
  context: Hex;
  /** In lower case. */
  signer: Hex;
};

/** What `eth_signTypedData_v4` takes. */
export interface TypedData {
  types: Record<string, { name: string; type: string }[]>;
  primaryType: 'Receipt';
  domain: { name: 'AttestLM'; version: '1'; chainId?: number; verifyingContract?: Hex };
  message: ReceiptMessage;
}

/** A receipt document. */
export interface ReceiptDocument extends TypedData {
  /** Zeros while the receipt waits for its signature. */
  signature: Hex;
  /** In lower case. */
  signer: Hex;
  disclosure?: Record<string, unknown>;
}

/** A proof of a step or an output token. */
export type Proof = Record<string, unknown>;

export interface Profiles {
  profiles: { name: 'exact-1' | 'exact-2' | 'fast'; id: string; hash: Hex }[];
  /** Null if this machine computes what every exact profile promises, or why not. */
  knownAnswerTest: ErrorInfo | null;
}

/** A model's weights and vocabulary. It may be closed before its sessions. */
export class Model implements Closeable {
  private constructor();
  /** The model abacus, which is part of the library. It does grade school arithmetic. */
  static bundled(): Promise<Model>;
  /** Opens a GGUF file: hashes, validates and maps it, about a second a gigabyte. */
  static open(path: string | Uint8Array | URL, options?: WatchOptions): Promise<Model>;
  /** Whether a file is a model that can be opened, without loading it: every byte is read. */
  static check(path: string | Uint8Array | URL, options?: WatchOptions): Promise<ModelFile>;
  info(): Promise<ModelInfo>;
  /** Opens a LoRA adapter for this model. */
  openAdapter(path: string | Uint8Array | URL): Promise<Adapter>;
  createSession(options?: SessionOptions & { adapter?: Adapter | null }): Promise<Session>;
  readonly closed: boolean;
  close(): Promise<void>;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A LoRA adapter. */
export class Adapter implements Closeable {
  private constructor();
  /** Of its file. */
  readonly sha256: Hex;
  readonly closed: boolean;
  close(): Promise<void>;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A session. Every call may run beside every other; generations live on when it is closed. */
export class Session implements Closeable {
  private constructor();
  info(): Promise<SessionInfo>;
  /** Queues a request, and answers its events as they are pulled. A request that is refused fails the first pull. */
  stream(request: Request | Text, options?: RequestOptions): Generation;
  /** The answer of a request; of several choices the first. */
  generate(request: Request | Text, options?: RequestOptions): Promise<Answer>;
  /** The answers of every choice. */
  generateAll(request: Request | Text, options?: RequestOptions): Promise<Answer[]>;
  /** How likely a continuation is after a request's prompt. It needs a stream that no generation holds. */
  score(request: Request | Text, continuation: Continuation | Text, options?: ScoreOptions): Promise<Score>;
  /** Forgets every cached prefix that is not in use. */
  forget(): Promise<void>;
  /** Ends what runs now: every generation as cancelled, a score with an error. */
  cancel(): void;
  readonly closed: boolean;
  close(): Promise<void>;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** One request at work: an async iterable of its events. To leave the iteration early closes it. */
export class Generation implements Closeable, AsyncIterable<Event> {
  private constructor();
  /** Resolves when the library has taken the request, and rejects if it refuses it. Nothing is computed yet. */
  readonly queued: Promise<void>;
  [Symbol.asyncIterator](): AsyncIterator<Event, undefined>;
  /** A choice's answer (0 if absent), when it has ended; takes the events that nobody pulled. */
  answer(choice?: number): Promise<Answer>;
  /** The answers of every choice, when all have ended. */
  answers(): Promise<Answer[]>;
  /** A proof that an output token is what the receipt's trace says; with its logits' digest, or without. */
  proveToken(choice: number, index: number, options?: { digest?: boolean }): Promise<Proof>;
  /** Ends every choice as cancelled; the last events follow, and the answers so far. */
  cancel(): void;
  readonly closed: boolean;
  /** Before its end it is cancelled, and nothing of it is signed; what waits for it fails. */
  close(): Promise<void>;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A receipt with its disclosure, or without. */
export class Receipt implements Closeable {
  private constructor();
  /** Reads a receipt document, strictly: its form alone. */
  static parse(document: Text | ReceiptDocument | object): Receipt;
  /**
   * The document, the same bytes in every language; without its disclosure if that is false. Not signed yet, it can be parsed and
   * signed elsewhere; no verifier takes it before.
   */
  toString(options?: { disclosure?: boolean }): string;
  /** The same, for JSON.stringify. */
  toJSON(): ReceiptDocument;
  /** What a wallet signs. */
  typedData(): TypedData;
  /** The EIP-712 digest. */
  readonly digest: Hex;
  /** The stated signer's address, in the mixed case of EIP-55. */
  readonly signer: Hex;
  /** Adds the stated signer's signature over the digest: r, s and v, 65 bytes. */
  sign(signature: Bytes): void;
  /** Adds what a contract wallet takes for its signature (ERC-1271), as it is: only its chain can check it. */
  signAsWallet(signature: Bytes): void;
  /** Judges it, if a model is given by a replay. A report does not say that the receipt stands: its verdict does. */
  verify(options?: VerifyOptions): Promise<Report>;
  /** A proof that a step is part of the output. */
  proveStep(index: number): Proof;
  /** The receipt with these steps, each with its proof, and nothing else readable, or open to guesses. */
  redacted(shown: { steps: number[] }): Receipt;
  /** Throws if a proof of a step or an output token does not lead to this receipt. */
  checkProof(proof: Proof | Text): void;
  /** Throws if this receipt does not follow the other: its request's `context` names that one's digest. */
  checkFollows(previous: Receipt): void;
  readonly closed: boolean;
  close(): Promise<void>;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Something that signs in the name of one address. */
export class Signer implements Closeable {
  private constructor();
  /** With a fresh key. */
  static random(): Signer;
  /** With a secp256k1 key of 32 bytes. Wipe yours. */
  static fromKey(key: Bytes): Signer;
  /** With the key of a keystore V3 document (not its path). */
  static fromKeystore(keystore: Text | object, password: Text): Promise<Signer>;
  /**
   * Signs nothing: receipts come out unsigned, in the name of the address; `receipt.sign` completes them, here or elsewhere. Mixed case
   * is checked (EIP-55).
   */
  static external(address: Bytes): Signer;
  /**
   * Signs with a function of yours: a wallet, an HSM, a KMS. What it answers is checked to be by the address; what it throws is what
   * the answer or the score rejects with.
   */
  static custom(address: Bytes, sign: (digest: Uint8Array, receipt: Receipt) => Bytes | Promise<Bytes>): Signer;
  /** In the mixed case of EIP-55. */
  readonly address: Hex;
  /** Its key under a password, as the text of a keystore V3 document: about a second. */
  toKeystore(password: Text): Promise<string>;
  readonly closed: boolean;
  close(): Promise<void>;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The profiles of this library, and whether this machine computes what every exact one promises. */
export function profiles(): Promise<Profiles>;

/** The library's version. */
export function version(): string;

/** Whether the library has a feature: "engine", "bundled", "exact". */
export function hasFeature(feature: string): boolean;
