-- loss_mag_err(estimator, loss, loss_err)
-- The error of loss_mag(estimator, loss), in magnitudes per 2051 rows.
CREATE OR REPLACE MACRO loss_mag_err(estimator, loss, loss_err) AS
    published_rows() / loss_rows() * 2.5 / ln(10) * CASE
        WHEN estimator = 'log_ratio' THEN loss_err
        WHEN loss < 1 THEN loss_err / (1 - loss)
    END;
