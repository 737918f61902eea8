-- loss_mag(estimator, loss)
-- A loss per 2048 rows, a fraction, in magnitudes per 2051 rows as reports since 2021 quote it. Of the
-- logarithm of the ratio ('log_ratio') the loss is S, of what is left at each row; of the ratio itself it is a share of
-- the flux, and NULL where all is lost. `cte_lake.model.loss_unit` is the same in Python; a test compares them.
CREATE OR REPLACE MACRO loss_mag(estimator, loss) AS
    published_rows() / loss_rows() * CASE
        WHEN estimator = 'log_ratio' THEN 2.5 / ln(10) * loss
        WHEN loss < 1 THEN -2.5 * log10(1 - loss)
    END;
