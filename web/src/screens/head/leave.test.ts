// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';
import { cli, literal, type Call } from './calls';
import { heads, which } from './choice';
import { java } from './java-call';
import { document, matrixSvg, type Drawn } from './matrix-svg';

const call: Call = { run: "./clearhead attend --model models/tales 'a --head b'", text: 'a "b"\n', changes: [], of: '2.1', query: 5, key: 3, view: { kind: 'weights', unit: 'token', side: 'row' } };

describe('calls', () => {
    it('the command line says layer, head and query', () => {
        expect(cli(call)).toBe("./clearhead attend --layer 2 --head 1 --query 5 --model models/tales 'a --head b'");
    });
    it('what is not a plain row is named', () => {
        expect(cli({ ...call, of: '*.*', view: { kind: 'value', unit: 'word', side: 'column' } })).toBe("./clearhead attend --of '*.*' --column 3 --kind value --unit word --model models/tales 'a --head b'");
    });
    it('texts become Java literals', () => {
        expect(literal('a "b"\\\n')).toBe('"a \\"b\\"\\\\\\n"');
        expect(java(call)).toContain('double[] weights = run.pattern(2).row(1, 5).weights();');
        expect(java({ ...call, changes: ['head:2.1=0'] })).toContain('Interventions.parse(List.of("head:2.1=0")');
        expect(java({ ...call, of: '2.*', view: { kind: 'value', unit: 'token', side: 'column' } })).toContain('Heads.parse("2.*", model.transformer()), AttentionMap.Kind.VALUE, Units.tokens(ids.length));\n    double[] column = map.column(ops, 3);');
    });
});

describe('choice of heads', () => {
    it('reads lists and refuses heads that are not there', () => {
        expect(heads('2.1, 2.3', 6, 4)).toBe('2.1,2.3');
        expect(heads('2.1 2.1', 6, 4)).toBe('2.1');
        expect(heads('2.4', 6, 4)).toBeNull();
        expect(heads('6.0', 6, 4)).toBeNull();
        expect(heads('', 6, 4)).toBeNull();
        expect(heads('a.b', 6, 4)).toBeNull();
    });
    it('knows what is chosen', () => {
        expect(['', '*.*', '2.*', 'rollout:3', '2.1,2.3', '2.1'].map(which)).toEqual(['one', 'all', 'layer', 'rollout', 'chosen', 'chosen']);
    });
});

describe('picture', () => {
    const colours = { ink: '#000', quiet: '#666', query: '#00f', key: '#f80', line: '#ddd', hatch: '#ccc', hatchPaper: '#eee', paper: '#fff' };
    const drawn: Drawn = {
        count: 2, value: (r, c) => (c > r ? NaN : [1, 0.25, 0.75][r + c]), label: (i) => ['<a>', 'b'][i], scale: { kind: 'linear', most: 1 }, rowMost: () => 1, hiddenFirst: false, query: 1, key: 0, colours,
    };
    it('has a rectangle for each visible cell, hatching below, labels escaped', () => {
        const { svg } = matrixSvg(drawn);
        expect(svg.match(/<text[^>]*>0\.250</)).not.toBeNull();
        expect(svg.match(/fill="url\(#masked\)"/g)?.length).toBe(1);
        expect(svg).toContain('&lt;a&gt; 0');
        expect(svg).not.toContain('NaN');
        const page = document('a & b', [matrixSvg(drawn)], '#fff', '#000');
        expect(page).toContain('<title>a &amp; b</title>');
    });
    it('a hidden first column has no number', () => {
        expect(matrixSvg({ ...drawn, hiddenFirst: true }).svg).not.toContain('>0.250<');
    });
});
