import { svgOf } from '../../parts/svg';
import type { Leaves } from '../../screen';
import { run } from '../../state';
import { literal } from '../head/calls';
import { piece, shown, special } from './data';
import { label } from './rows';
import { sentence } from './view';

const quoted = (word: string) => (/^[A-Za-z0-9_./:=,-]+$/.test(word) ? word : "'" + word.replaceAll("'", "'\\''") + "'");

/** The tokens on screen; the picture is the tree of merges. */
export function leaves(): Leaves | null {
    const now = shown.value;
    if (!now) return null;
    const { told } = now;
    const own = told.name === run.value?.model.name;
    const path = /--model ('[^']*'|\S+)/.exec(run.value?.cli ?? '')?.[1];
    const parse = special.value === 'parse';
    return {
        name: `tokens-${told.name}`,
        sentence: sentence(now),
        table: { columns: ['token', 'text', 'id', 'bytes', 'byte_start', 'byte_end', 'special'], rows: now.tokens.map((t) => [t.index, t.text, t.id, t.bytes, t.start, t.end, String(t.special)]) },
        json: {
            command: 'tokens', tokenizer: told.tokenizer, vocab: told.vocab,
            inputs: [{ characters: [...now.text].length, bytes: now.bytes.length, tokens: told.tokens, first_piece: told.first_piece, pieces: told.pieces.map((p, i) => (told.first_piece + i === piece.value?.number ? piece.value.piece : p)) }],
        },
        svg: () => {
            const tree = document.querySelector<SVGSVGElement>('.tree-picture svg');
            if (!tree) throw new Error('there is no tree of merges on screen: choose a token that has one');
            return svgOf(tree, `Merges of ${piece.value?.piece.tokens.map((t) => label(t)).join(' ') ?? ''}`);
        },
        cli: ['./clearhead', 'tokens', ...(own && path ? ['--model', path] : ['--tokenizer', told.name]), ...(parse ? ['--special', 'parse'] : []), '--merges', quoted(now.text.startsWith('-') ? '-- ' + now.text : now.text)].join(' '),
        java: (own ? 'Tokenizer tokenizer = model.tokenizer();' : `Tokenizer tokenizer = Tokenizers.named(${literal(told.name)});`)
            + `\nExplained explained = tokenizer.explain(${literal(now.text)}, Special.${parse ? 'PARSE' : 'TEXT'});`,
    };
}
