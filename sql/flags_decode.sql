-- flags_decode(flags)
-- Names of the conditions in a measurement's flags, lowest bit first: a list of VARCHAR.
-- The registry is cte_lake/starflags.py; a test compares this list with it.
CREATE OR REPLACE MACRO flags_decode(flags) AS
    list_transform(
        list_filter(
            [
                {'bit': 0, 'name': 'off_chip'},
                {'bit': 1, 'name': 'core_off_chip'},
                {'bit': 2, 'name': 'masked_core'},
                {'bit': 3, 'name': 'masked_fraction'},
                {'bit': 4, 'name': 'saturated'},
                {'bit': 5, 'name': 'few_sky_pixels'},
                {'bit': 6, 'name': 'no_sky'},
                {'bit': 7, 'name': 'neighbour'},
                {'bit': 8, 'name': 'centring_failed'},
                {'bit': 9, 'name': 'centre_far'},
                {'bit': 10, 'name': 'not_measured'},
                {'bit': 11, 'name': 'cosmic_ray'}
            ],
            lambda flags_entry: (flags >> flags_entry.bit) & 1 = 1
        ),
        lambda flags_entry: flags_entry.name
    );
