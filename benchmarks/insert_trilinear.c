/* The plainest compiled loop that adds images to a Fourier grid: what speed.py holds the engine's insertion against. */
#include <math.h>

void insert(int images, int samples, const float *kx, const float *ky, const float *turn_x, const float *turn_y,
            const float *rotations, const float *shifts, const float *real, const float *imag, const float *ctf2,
            float *sums, long planes, long rows, long columns)
{
    long half = (planes - 1) / 2;
    for (int b = 0; b < images; b++) {
        const float *r = rotations + 9 * b;
        for (int i = 0; i < samples; i++) {
            long at = (long)b * samples + i;
            float angle = 6.2831853f * (shifts[2 * b] * turn_x[i] + shifts[2 * b + 1] * turn_y[i]);
            float c = cosf(angle), s = sinf(angle);
            float value[3] = {real[at] * c + imag[at] * s, imag[at] * c - real[at] * s, ctf2[at]};
            float x = r[0] * kx[i] + r[3] * ky[i], y = r[1] * kx[i] + r[4] * ky[i], z = r[2] * kx[i] + r[5] * ky[i];
            if (x < 0) {
                x = -x, y = -y, z = -z;
                value[1] = -value[1];
            }
            float fx = floorf(x), fy = floorf(y), fz = floorf(z);
            float part[3] = {x - fx, y - fy, z - fz};
            float *corner = sums + 3 * ((((long)fz + half) * rows + (long)fy + half) * columns + (long)fx);
            for (int far_z = 0; far_z < 2; far_z++)
                for (int far_y = 0; far_y < 2; far_y++)
                    for (int far_x = 0; far_x < 2; far_x++) {
                        float w = (far_x ? part[0] : 1 - part[0]) * (far_y ? part[1] : 1 - part[1]) * (far_z ? part[2] : 1 - part[2]);
                        float *cell = corner + 3 * ((far_z * rows + far_y) * columns + far_x);
                        for (int n = 0; n < 3; n++)
                            cell[n] += w * value[n];
                    }
        }
    }
}
