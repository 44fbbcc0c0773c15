import { useEffect, useRef } from 'preact/hooks';
import { ramp } from '../../parts/colours';
import { dark } from '../../theme';

export const SIZE = 48;

/** One head's matrix, small: √weight as colour, masked cells hatched. */
export function Thumbnail({ values, at, count, side }: { values: Float32Array; at: number; count: number; side: number }) {
    const canvas = useRef<HTMLCanvasElement>(null);
    const onDark = dark.value;
    useEffect(() => {
        const pen = canvas.current?.getContext('2d');
        if (!pen) return;
        const colours = ramp('sequential', onDark);
        const picture = pen.createImageData(side, side);
        const [paper, line] = onDark ? [[27, 32, 38], [57, 66, 76]] : [[244, 245, 246], [207, 212, 217]];
        for (let y = 0; y < side; y++) {
            const row = at + Math.floor((y * count) / side) * SIZE;
            for (let x = 0; x < side; x++) {
                const value = values[row + Math.floor((x * count) / side)];
                const to = (y * side + x) * 4;
                if (Number.isNaN(value)) {
                    const masked = (x + y) % 6 === 0 ? line : paper;
                    picture.data[to] = masked[0]; picture.data[to + 1] = masked[1]; picture.data[to + 2] = masked[2];
                } else {
                    const from = Math.round(Math.sqrt(Math.min(1, Math.max(0, value))) * 255) * 3;
                    picture.data[to] = colours[from]; picture.data[to + 1] = colours[from + 1]; picture.data[to + 2] = colours[from + 2];
                }
                picture.data[to + 3] = 255;
            }
        }
        pen.putImageData(picture, 0, 0);
    }, [values, at, count, side, onDark]);
    return <canvas ref={canvas} width={side} height={side} aria-hidden="true" />;
}
