import { paint, type Painting } from './colour';

/** Colours tiles away from the page's thread. In: a painting and its number; out: the number and a bitmap. */
addEventListener('message', (event: MessageEvent<Painting & { job: number }>) => {
    const { job, ...painting } = event.data;
    const { values, width } = painting;
    const canvas = new OffscreenCanvas(width, values.length / width);
    const pen = canvas.getContext('2d');
    if (!pen) throw new Error('no canvas in the worker');
    pen.putImageData(new ImageData(paint(painting), width, values.length / width), 0, 0);
    const bitmap = canvas.transferToImageBitmap();
    postMessage({ job, bitmap }, { transfer: [bitmap] });
});
