import { describe, expect, it } from 'vitest';
import type { Token } from '../../types';
import { inCone, literal, read, shell, targetOf, textOf, withChange, words } from './changes';

const tokens = ['The', ' cat', ' sat'].map((text, position): Token => ({ position, id: 10 + position, text, bytes: '', special: false, in_text: true, word: position, sentence: 0 }));

describe('changes', () => {
    it('come back as they were', () => {
        for (const text of ['swap:4=12', 'block:3', 'cut:*.*:5>3', 'cut:2.*:5>3:keep', 'cut:2.1:5>3', 'head:2.1=0', 'head:2.1=-0.5', 'head:0.1=mean', 'patch:z.2.1:4<7', 'patch:resid_post.2:4<5']) {
            const change = read(text);
            expect(change).not.toBeNull();
            expect(textOf(change!)).toBe(text);
        }
    });
    it('that are none are none', () => {
        for (const text of ['', 'head:2.1', 'head:2.1=x', 'head:2.1=Infinity', 'cut:1:2>3', 'block:-1', 'patch:z:1<2', 'swap:1=a']) expect(read(text)).toBeNull();
    });
    it('of one target replace one another', () => {
        expect(targetOf('head:2.1=mean')).toBe(targetOf('head:2.1=0'));
        expect(targetOf('cut:2.1:5>3:keep')).toBe(targetOf('cut:2.1:5>3'));
        expect(targetOf('cut:2.1:5>3')).not.toBe(targetOf('cut:2.1:5>4'));
        expect(withChange(['head:2.1=0', 'block:3'], 'head:2.1=0.5')).toEqual(['block:3', 'head:2.1=0.5']);
        expect(withChange(['swap:3=7'], 'swap:4=7')).toEqual(['swap:3=7', 'swap:4=7']);
    });
    it('are said in words', () => {
        const say = (text: string) => words(read(text)!, tokens, (id) => '#' + id, tokens);
        expect(say('head:2.1=0')).toBe('Layer 2, head 1 is off');
        expect(say('block:1')).toBe('No later token sees “·cat” (1)');
        expect(say('cut:*.*:2>1')).toBe('“·sat” (2) does not see “·cat” (1) in every head');
        expect(say('cut:3.*:2>1:keep')).toBe('“·sat” (2) does not see “·cat” (1) in every head of layer 3; its other weights stay');
        expect(say('patch:z.2.1:2<1')).toBe('At “·sat” (2), z.2, head 1 is that of “·cat” (1) of the other text');
        expect(say('swap:2=7')).toBe('Token 2 is #7');
    });
    it('reach later layers and positions', () => {
        expect(inCone(3, 4, { layer: 3, position: 4 })).toBe(true);
        expect(inCone(2, 5, { layer: 3, position: 4 })).toBe(false);
        expect(inCone(4, 3, { layer: 3, position: 4 })).toBe(false);
    });
    it('can be quoted', () => {
        expect(shell('cut:2.1:5>3')).toBe("'cut:2.1:5>3'");
        expect(shell("it's")).toBe("'it'\\''s'");
        expect(shell('head:2.1=0')).toBe('head:2.1=0');
        expect(literal('a "b"\n')).toBe('"a \\"b\\"\\n"');
    });
});
