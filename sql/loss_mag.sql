-- loss_mag(loss)
-- A loss per 2048 rows (or its error), in magnitudes per 2051 rows as reports since 2021 quote it. Half the slope of the
-- ratio is, as half that of its logarithm, what is lost of what is left at each row: the same number of magnitudes.
-- `cte_lake.model.loss_unit` is the same in Python; a test compares them.
CREATE OR REPLACE MACRO loss_mag(loss) AS
    published_rows() / loss_rows() * 2.5 / ln(10) * loss;
