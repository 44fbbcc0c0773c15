/** Keeps what was used last within a bound of bytes. */
export class Cache<T> {
    private readonly entries = new Map<string, { value: T; bytes: number }>();
    private held = 0;

    /** `drop` is called for every value that leaves. */
    constructor(private readonly bound: number, private readonly drop: (value: T) => void = () => undefined) {}

    get bytes(): number { return this.held; }
    get size(): number { return this.entries.size; }

    /** The value, which is then the newest. */
    get(name: string): T | undefined {
        const entry = this.entries.get(name);
        if (!entry) return undefined;
        this.entries.delete(name);
        this.entries.set(name, entry);
        return entry.value;
    }

    /** Looks without making it newer. */
    peek(name: string): T | undefined { return this.entries.get(name)?.value; }

    put(name: string, value: T, bytes: number): void {
        this.remove(name);
        this.entries.set(name, { value, bytes });
        this.held += bytes;
        for (const old of this.entries.keys()) {
            if (this.held <= this.bound || old === name) break;
            this.remove(old);
        }
    }

    remove(name: string): void {
        const entry = this.entries.get(name);
        if (!entry) return;
        this.entries.delete(name);
        this.held -= entry.bytes;
        this.drop(entry.value);
    }

    clear(): void { for (const name of [...this.entries.keys()]) this.remove(name); }
}
