-- line_sums(xs, ys)
-- Means and centred sums of two lists of equal length, what a straight line's fit is made of:
-- a STRUCT with n, mean_x, mean_y, sxx, sxy, syy.
-- The lists stand in a struct: what is given to a macro is worked out again wherever the macro names it.
CREATE OR REPLACE MACRO line_sums(xs, ys) AS
    list_transform(
        [{'x': xs::DOUBLE[], 'y': ys::DOUBLE[]}],
        lambda line_of: list_transform(
            [{'mean_x': list_aggregate(line_of.x, 'favg'), 'mean_y': list_aggregate(line_of.y, 'favg')}],
            lambda line_means: list_transform(
                [{
                    'dx': list_transform(line_of.x, lambda line_x: line_x - line_means.mean_x),
                    'dy': list_transform(line_of.y, lambda line_y: line_y - line_means.mean_y)
                }],
                lambda line_d: {
                    'n': len(line_of.x)::BIGINT,
                    'mean_x': line_means.mean_x,
                    'mean_y': line_means.mean_y,
                    'sxx': list_inner_product(line_d.dx, line_d.dx),
                    'sxy': list_inner_product(line_d.dx, line_d.dy),
                    'syy': list_inner_product(line_d.dy, line_d.dy)
                }
            )[1]
        )[1]
    )[1];
