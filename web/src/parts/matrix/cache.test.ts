import { expect, it } from 'vitest';
import { Cache } from './cache';

it('drops the longest unused when the bound is passed', () => {
    const dropped: string[] = [];
    const cache = new Cache<string>(10, (v) => dropped.push(v));
    cache.put('a', 'A', 4);
    cache.put('b', 'B', 4);
    expect(cache.get('a')).toBe('A');
    cache.put('c', 'C', 4);
    expect(dropped).toEqual(['B']);
    expect(cache.bytes).toBe(8);
    cache.put('a', 'A2', 6);
    expect(dropped).toEqual(['B', 'A']);
    expect(cache.peek('c')).toBe('C');
    cache.put('huge', 'H', 11);
    expect(cache.size).toBe(1);
    expect(cache.peek('huge')).toBe('H');
    cache.clear();
    expect(cache.bytes).toBe(0);
});
