import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');

function files(folder: string): string[] {
    return readdirSync(folder).flatMap((name) => {
        const path = join(folder, name);
        return statSync(path).isDirectory() ? files(path) : [path];
    });
}

const sources = [...files(join(root, 'src')), ...files(join(root, 'public')), join(root, 'index.html')].filter((path) => !/\.test\.tsx?$/.test(path));

describe('the sources of the page', () => {
    it('hold no random number: every value shown is the model\'s', () => {
        const random = sources.filter((path) => /Math\s*\.\s*random|getRandomValues|randomUUID|faker/.test(readFileSync(path, 'utf8')));
        expect(random).toEqual([]);
    });

    it('name no address outside the page', () => {
        // Namespaces are names, not addresses.
        const names = /https?:\/\/www\.w3\.org\/(2000\/svg|1999\/xhtml|1999\/xlink)/g;
        const outside = sources.flatMap((path) => {
            const found = readFileSync(path, 'utf8').replace(names, '').match(/(https?:)?\/\/[a-z0-9-]+\.[a-z][^\s'"`)]*|https?:\/\/[^\s'"`)]*/gi) ?? [];
            return found.filter((address) => !/^\/\//.test(address) || /^\/\/[a-z0-9-]+\.(com|org|net|io|dev)/i.test(address)).map((address) => path + ': ' + address);
        });
        expect(outside).toEqual([]);
    });

    it('need no host in the lockfile', () => {
        expect(readFileSync(join(root, 'package-lock.json'), 'utf8')).not.toMatch(/"resolved"/);
    });
});
