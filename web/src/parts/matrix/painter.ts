import { paint, type Painting } from './colour';

let worker: Worker | null = null;
let jobs = 0;
const waiting = new Map<number, (bitmap: ImageBitmap | null) => void>();

/** A bitmap of a tile, coloured in a worker; where a page may have none, right here. Null when the browser gives up. */
export function painted(painting: Painting): Promise<ImageBitmap | null> {
    if (typeof Worker === 'undefined') {
        const height = painting.values.length / painting.width;
        return createImageBitmap(new ImageData(paint(painting), painting.width, height));
    }
    if (!worker) {
        worker = new Worker(new URL('./colour.worker.ts', import.meta.url), { type: 'module' });
        worker.onmessage = (event: MessageEvent<{ job: number; bitmap: ImageBitmap }>) => {
            waiting.get(event.data.job)?.(event.data.bitmap);
            waiting.delete(event.data.job);
        };
        worker.onerror = () => {
            for (const give of waiting.values()) give(null);
            waiting.clear();
        };
    }
    const job = ++jobs;
    return new Promise((give) => {
        waiting.set(job, give);
        worker!.postMessage({ job, ...painting });
    });
}
