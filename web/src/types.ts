/** What the server says; docs/json.md has the meaning of every field. Numbers that JSON lacks come as strings. */
export type Num = number | 'NaN' | 'Infinity' | '-Infinity';

export interface ModelInfo {
    name: string; family: string; layers: number; heads: number; kv_heads: number; head_dim: number; dim: number; vocab: number;
    context: number; parameters: number; backend: string; arithmetic: string; has_tokenizer: boolean;
}

export interface Models {
    models: ModelInfo[]; default: string; ready_text: string; limits: Record<string, number>;
}

/** What a run is made of, and all that a link needs to carry to make it again. */
export interface Spec {
    model: string; text: string;
    /** Interventions in the notation of `--change`: `head:2.1=0`, `cut:2.1:5>3`, … */
    changes: string[];
    /** What is run instead of the text's own tokens, where the model wrote tokens that its text alone would not give again. */
    ids?: number[];
    /** The text that `patch:` takes its values from; '' for none. */
    other: string;
}

export interface Token {
    position: number; id: number; text: string; bytes: string; special: boolean; in_text: boolean; word: number; sentence: number;
}

export interface Parity {
    holds: boolean; largest_difference: Num; largest_value?: Num; relative: Num; tolerance: Num; rows: number; of: number;
}

/** A finished run. */
export interface Run {
    id: string; model: ModelInfo; tokens: Token[]; changes: string[]; seconds: number; bytes: number; parity: Parity; cli: string;
    strongest: { layer: number; head: number; query: number; key: number };
}

export const number = (n: Num): number => (typeof n === 'number' ? n : Number(n));
