$WAAGE show $CASES/aid/sums.yaml --item s-03 --protocol completion
