-- line_sums(xs, ys)
-- Means and centred sums of two lists of equal length, what a straight line's fit is made of:
-- a STRUCT with n, mean_x, mean_y, sxx, sxy, syy.
CREATE OR REPLACE MACRO line_sums(xs, ys) AS
    list_transform(
        [{'mean_x': list_aggregate(xs::DOUBLE[], 'favg'), 'mean_y': list_aggregate(ys::DOUBLE[], 'favg')}],
        lambda m: list_transform(
            [{
                'dx': list_transform(xs::DOUBLE[], lambda x: x - m.mean_x),
                'dy': list_transform(ys::DOUBLE[], lambda y: y - m.mean_y)
            }],
            lambda d: {
                'n': len(xs)::BIGINT,
                'mean_x': m.mean_x,
                'mean_y': m.mean_y,
                'sxx': list_inner_product(d.dx, d.dx),
                'sxy': list_inner_product(d.dx, d.dy),
                'syy': list_inner_product(d.dy, d.dy)
            }
        )[1]
    )[1];
